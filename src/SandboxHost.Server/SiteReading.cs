using SandboxHost.Deployments;
using SandboxHost.Sites;

namespace SandboxHost.Server;

/// <summary>What a site folder holds, read without serving it.</summary>
public static class SiteReading
{
    /// <summary>Builds every function into a temporary directory and forgets the result: only what it is called stays.</summary>
    /// <param name="events">Takes what is wrong with the site.</param>
    public static async Task<SiteSnapshot> ReadAsync(DevHostOptions options, Action<SiteEvent> events, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        var artifacts = Directory.CreateTempSubdirectory("sandboxhost-read-");
        try
        {
            return await DevHost.FolderFor(options.Sites[0], options, events, artifacts.FullName).BuildAsync(null, cancellationToken);
        }
        finally
        {
            artifacts.Delete(recursive: true);
        }
    }
}
