using System.Globalization;

namespace SandboxHost.TestKit;

/// <summary>What the kernel holds in TCP sockets of the whole machine, of all network namespaces (/proc/net/sockstat).</summary>
public static class SocketMemory
{
    public static long Bytes()
    {
        var tcp = File.ReadLines("/proc/net/sockstat").First(line => line.StartsWith("TCP:", StringComparison.Ordinal)).Split(' ');
        return long.Parse(tcp[^1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;
    }
}
