namespace SandboxHost.Sites;

/// <summary>What happened to a function while its site folder was read.</summary>
public enum SiteEventKind
{
    Loaded,
    Reloaded,
    Removed,
    Failed,
    Warning,
}

/// <param name="Text">
/// With <see cref="SiteEventKind.Failed"/> and <see cref="SiteEventKind.Warning"/>: what is wrong, with positions in the
/// author's files. With <see cref="SiteEventKind.Loaded"/>: the name for people and the generator, where the config has them.
/// </param>
public readonly record struct SiteEvent(SiteEventKind Kind, string Site, string Function, string Text);
