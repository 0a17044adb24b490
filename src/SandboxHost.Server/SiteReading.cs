using SandboxHost.Deployments;
using SandboxHost.Sites;

namespace SandboxHost.Server;

/// <summary>What a site folder holds, read without serving it.</summary>
/// <param name="FunctionsDirectory">Absolute; it need not exist.</param>
public sealed record SiteReading(SiteSnapshot Site, string FunctionsDirectory, IReadOnlyList<SiteEvent> Events)
{
    /// <summary>Builds every function into a temporary directory and forgets the code: what is known of them stays.</summary>
    /// <param name="directory">Absolute.</param>
    /// <param name="functionsDirectory">Relative to the site's folder; null: where the site says.</param>
    public static async Task<SiteReading> ReadAsync(
        HostFiles files, string directory, string? functionsDirectory, CancellationToken cancellationToken)
    {
        var events = new List<SiteEvent>();
        var site = new SiteArgument(null, directory);
        var options = new DevHostOptions { Files = files, Sites = [site], FunctionsDirectory = functionsDirectory };
        var artifacts = Directory.CreateTempSubdirectory("sandboxhost-read-");
        try
        {
            var folder = DevHost.FolderFor(site, options, events.Add, artifacts.FullName);
            return new SiteReading(await folder.BuildAsync(null, cancellationToken), folder.FunctionsDirectory, events);
        }
        finally
        {
            artifacts.Delete(recursive: true);
        }
    }
}
