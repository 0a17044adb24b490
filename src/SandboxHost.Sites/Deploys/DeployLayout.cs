using SandboxHost.Sites.Settings;

namespace SandboxHost.Sites.Deploys;

/// <summary>Where the parts of a deploy lie, below its top. Whoever packs one and whoever reads one agree on this.</summary>
internal static class DeployLayout
{
    /// <summary>What the functions are: <see cref="DeployManifest"/>.</summary>
    public const string Manifest = "deploy.json";

    /// <summary>A directory for each function, with what it runs from.</summary>
    public const string Functions = "functions";

    /// <summary>The files that anybody may read, and the rules among them.</summary>
    public const string Publish = "publish";

    /// <summary>Files of the site's folder that say something of the whole site.</summary>
    public static readonly IReadOnlyList<string> SiteFiles = [NetlifyToml.FileName, SiteSettings.FileName, Rules.RedirectsFile.Name, Rules.HeadersFile.Name];
}
