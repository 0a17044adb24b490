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
    /// <param name="functionsDirectory">Absolute.</param>
    public static PublishedFiles FilesOf(string siteDirectory, string publishDirectory, string? functionsDirectory)
    {
        var hidden = new List<string> { RedirectsFile.Name, HeadersFile.Name };
        if (publishDirectory == siteDirectory)
        {
            hidden.AddRange(SiteFiles);
        }

        if (functionsDirectory is not null && Path.GetRelativePath(publishDirectory, functionsDirectory) is var relative && !relative.StartsWith("..", StringComparison.Ordinal))
        {
            hidden.Add(relative.Replace(Path.DirectorySeparatorChar, '/'));
        }

        return new PublishedFiles(publishDirectory, hidden);
    }
}
