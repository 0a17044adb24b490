namespace SandboxHost.Sites.Settings;

/// <summary>Everything that the files of a site folder say of it, for one deploy context.</summary>
public sealed record SiteConfiguration
{
    public required DeployContext Context { get; init; }

    /// <summary>sandboxhost.toml.</summary>
    public required SiteSettings Settings { get; init; }

    /// <summary>netlify.toml; <see cref="NetlifyToml.Root"/> has the parts that are read elsewhere.</summary>
    public required NetlifyToml Netlify { get; init; }

    /// <summary>What the site's paths are relative to: [build] base, else the site's folder. Absolute.</summary>
    public required string BaseDirectory { get; init; }

    /// <summary>
    /// What is published: --dir, [dev] publish, [build] publish. Absolute; need not exist. Without any of them the base
    /// directory.
    /// </summary>
    public required string PublishDirectory { get; init; }

    /// <summary>False when <see cref="PublishDirectory"/> is the base directory only because nothing names another.</summary>
    public required bool IsPublishDirectorySet { get; init; }

    /// <summary>--functions, [dev] functions, [functions] directory, [build] functions; null when none of them is there. Absolute.</summary>
    public required string? FunctionsDirectory { get; init; }

    /// <summary>What the files give functions as environment.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>Directories that hold, or may come to hold, a file that all of this was read from.</summary>
    public required IReadOnlyList<string> Directories { get; init; }

    /// <summary>The author's own functions, and the directories of generated code after them: the first that has a name wins.</summary>
    public IEnumerable<string> FunctionsDirectories =>
        [UserFunctionsDirectory, Path.Combine(BaseDirectory, ".netlify", "v1", "functions"), InternalFunctionsDirectory];

    /// <summary>Generated functions of the older kind: only here a file NAME.json brings config.</summary>
    public string InternalFunctionsDirectory => Path.Combine(BaseDirectory, ".netlify", "functions-internal");

    private string UserFunctionsDirectory
    {
        get
        {
            var older = Path.Combine(BaseDirectory, "netlify-automatic-functions");
            return FunctionsDirectory ?? (Directory.Exists(older) ? older : Path.Combine(BaseDirectory, "netlify", "functions"));
        }
    }
}
