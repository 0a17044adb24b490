using System.Collections.Frozen;
using System.Net;
using System.Net.NetworkInformation;
using SandboxHost.Egress;

namespace SandboxHost.Isolation.Egress;

/// <summary>The addresses of the host's interfaces, and further ones that it was told of, looked up again now and then: asking the kernel costs a millisecond.</summary>
public sealed class OwnAddresses(TimeProvider time, IReadOnlyList<IPAddress>? further = null)
{
    private static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(30);
    private readonly Lock _gate = new();
    private FrozenSet<IPAddress>? _addresses;
    private long _readAt;

    public IReadOnlySet<IPAddress> Read()
    {
        lock (_gate)
        {
            if (_addresses is null || time.GetElapsedTime(_readAt) > KeptFor)
            {
                _addresses = NetworkInterface.GetAllNetworkInterfaces()
                    .SelectMany(one => one.GetIPProperties().UnicastAddresses)
                    .Select(one => one.Address)
                    .Concat(further ?? [])
                    .Select(EgressPolicy.Plain)
                    .ToFrozenSet();
                _readAt = time.GetTimestamp();
            }

            return _addresses;
        }
    }
}
