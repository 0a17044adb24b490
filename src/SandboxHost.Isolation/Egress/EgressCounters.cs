namespace SandboxHost.Isolation.Egress;

/// <summary>Counts for one door; written by many connections at once.</summary>
internal sealed class EgressCounters
{
    private long _connections;
    private long _refused;
    private long _bytesUp;
    private long _bytesDown;

    public void Connected() => Interlocked.Increment(ref _connections);

    public void Refused() => Interlocked.Increment(ref _refused);

    public void Up(int bytes) => Interlocked.Add(ref _bytesUp, bytes);

    public void Down(int bytes) => Interlocked.Add(ref _bytesDown, bytes);

    public EgressUsage Read() => new(
        Interlocked.Read(ref _connections), Interlocked.Read(ref _refused), Interlocked.Read(ref _bytesUp), Interlocked.Read(ref _bytesDown));
}
