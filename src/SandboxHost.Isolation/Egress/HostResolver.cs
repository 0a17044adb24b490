using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace SandboxHost.Isolation.Egress;

/// <summary>
/// The host's own resolver (hosts file, search domains and all), a bounded number of names at a time. Each name has a
/// thread of its own while it is looked up: the C library blocks for as long as a name server likes, and on the pool's
/// threads one tenant's slow names would hold up the whole host.
/// </summary>
internal sealed class HostResolver(Func<string, IPAddress[]> lookUp)
{
    private const int AtATime = 32;
    private readonly Channel<string> _beingLookedUp = Channel.CreateBounded<string>(AtATime);

    /// <exception cref="SocketException">The name has no address, or none could be found out.</exception>
    public async Task<IPAddress[]> ResolveAsync(string name)
    {
        await _beingLookedUp.Writer.WriteAsync(name);
        try
        {
            return await Task.Factory.StartNew(
                () => lookUp(name), CancellationToken.None, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
        }
        finally
        {
            _beingLookedUp.Reader.TryRead(out _);
        }
    }
}
