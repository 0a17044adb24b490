namespace SandboxHost.Deployments;

/// <summary>A deploy whose files are on their way.</summary>
internal sealed class DeployUpload(Deploy deploy, IReadOnlyList<DeployFile> files, DateTimeOffset began)
{
    private readonly Dictionary<string, DeployFile> _byHash =
        files.GroupBy(file => file.Sha256, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.First(), StringComparer.Ordinal);

    private long _lastActive = began.UtcTicks;

    public Deploy Deploy => deploy;

    public IReadOnlyList<DeployFile> Files => files;

    public DateTimeOffset LastActive
    {
        get => new(Interlocked.Read(ref _lastActive), TimeSpan.Zero);
        set => Interlocked.Exchange(ref _lastActive, value.UtcTicks);
    }

    public DeployFile? FileOf(string sha256) => _byHash.GetValueOrDefault(sha256);
}
