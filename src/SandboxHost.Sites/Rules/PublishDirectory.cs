using SandboxHost.Deployments;

namespace SandboxHost.Sites.Rules;

/// <summary>What of a site folder is served as files.</summary>
internal static class PublishDirectory
{
    // When the site folder itself is published, what describes the site is no part of it.
    private static readonly string[] SiteFiles =
    [
        "netlify.toml", "sandboxhost.toml", "package.json", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml",
        "bun.lock", "bun.lockb", "deno.json", "deno.lock", "tsconfig.json",
    ];

    /// <param name="publishDirectory">Absolute.</param>
    /// <param name="functionsDirectories">Absolute.</param>
    public static PublishedFiles FilesOf(string siteDirectory, string publishDirectory, IEnumerable<string> functionsDirectories)
    {
        var hidden = new List<string> { RedirectsFile.Name, HeadersFile.Name };
        if (publishDirectory == siteDirectory)
        {
            hidden.AddRange(SiteFiles);
        }

        hidden.AddRange(functionsDirectories
            .Select(directory => Path.GetRelativePath(publishDirectory, directory).Replace(Path.DirectorySeparatorChar, '/'))
            .Where(relative => !relative.StartsWith("..", StringComparison.Ordinal) && relative != "."));

        return new PublishedFiles(publishDirectory, hidden);
    }
}
