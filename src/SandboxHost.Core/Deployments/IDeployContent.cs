namespace SandboxHost.Deployments;

/// <summary>What came of reading a deploy.</summary>
/// <param name="Site">Null when it can't be served.</param>
/// <param name="Mistakes">What stops it, as sentences.</param>
/// <param name="Warnings">What does not.</param>
public sealed record DeployReading(SiteSnapshot? Site, IReadOnlyList<string> Mistakes, IReadOnlyList<string> Warnings);

/// <summary>Which deploy is read, and what it is to its site.</summary>
public sealed record DeployPlace(Deploy Deploy, SiteIdentity Identity, string DeployUrl, IReadOnlyList<string> HostNames, bool IsPublished);

/// <summary>
/// The files of deploys. Content is kept once, by its SHA-256, however many deploys have it. PORT.
/// </summary>
/// <exception cref="IOException">From every method: the disk did not take or give it.</exception>
public interface IDeployContent
{
    /// <summary>Which contents are not there yet.</summary>
    IReadOnlyList<string> MissingOf(IEnumerable<DeployFile> files);

    /// <summary>Takes a content in pieces, in order, and keeps it if it is what its name says.</summary>
    IContentWriter Write(DeployFile file);

    /// <summary>Puts a deploy's directory together; the contents must be there.</summary>
    void Assemble(string deployId, IEnumerable<DeployFile> files);

    DeployReading Read(DeployPlace place);

    /// <summary>Removes a deploy's directory, if there is one.</summary>
    void Remove(string deployId);

    /// <summary>Removes every directory but those of the deploys given, and every content that no deploy has.</summary>
    /// <param name="deployIds">Deploys that stay.</param>
    /// <param name="uploading">Contents of deploys that are on their way.</param>
    void Sweep(IReadOnlySet<string> deployIds, IReadOnlySet<string> uploading);
}

/// <summary>A content on its way. Disposing it before <see cref="Complete"/> said yes leaves nothing behind.</summary>
public interface IContentWriter : IDisposable
{
    /// <returns>False: it is longer than was said; no more is taken.</returns>
    bool Append(ReadOnlySpan<byte> bytes);

    /// <returns>False: length or hash are not what was said.</returns>
    bool Complete();
}
