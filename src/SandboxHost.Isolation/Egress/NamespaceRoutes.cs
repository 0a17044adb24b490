using System.Net;
using System.Net.Sockets;

namespace SandboxHost.Isolation.Egress;

/// <summary>
/// Requests for rtnetlink(7) that make every address local: "ip route add local default dev lo". A connection to anywhere
/// then finds the listener of its port, and its own end has the address that it was meant for.
/// </summary>
internal static class NamespaceRoutes
{
    private const ushort NewRoute = 24, Request = 1, Acknowledge = 4, Create = 0x400;
    private const byte TableLocal = 255, ByAdministrator = 4, ScopeHost = 254, ScopeUniverse = 0, TypeLocal = 2;
    private const ushort OutInterface = 4, PreferredSource = 7;

    // The first interface of every network namespace.
    private const int Loopback = 1;

    public static byte[] EverywhereIsLocal(AddressFamily family)
    {
        var isIpv4 = family == AddressFamily.InterNetwork;
        var length = 16 + 12 + 8 + (isIpv4 ? 8 : 0);
        var message = new byte[length];
        var span = message.AsSpan();

        // struct nlmsghdr, in the byte order of the machine.
        BitConverter.TryWriteBytes(span, length);
        BitConverter.TryWriteBytes(span[4..], NewRoute);
        BitConverter.TryWriteBytes(span[6..], (ushort)(Request | Acknowledge | Create));
        BitConverter.TryWriteBytes(span[8..], 1);

        // struct rtmsg: to everywhere, a prefix of no bits.
        span[16] = (byte)(isIpv4 ? 2 : 10);
        span[20] = TableLocal;
        span[21] = ByAdministrator;
        span[22] = isIpv4 ? ScopeHost : ScopeUniverse;
        span[23] = TypeLocal;
        WriteAttribute(span[28..], OutInterface);
        BitConverter.TryWriteBytes(span[32..], Loopback);
        if (isIpv4)
        {
            // Else a connection would seem to come from where it goes.
            WriteAttribute(span[36..], PreferredSource);
            IPAddress.Loopback.TryWriteBytes(span[40..], out _);
        }

        return message;
    }

    private static void WriteAttribute(Span<byte> span, ushort type)
    {
        BitConverter.TryWriteBytes(span, (ushort)8);
        BitConverter.TryWriteBytes(span[2..], type);
    }
}
