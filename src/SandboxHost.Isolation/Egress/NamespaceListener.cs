using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using SandboxHost.Isolation.Linux;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Egress;

/// <summary>A socket to make: bound there, and listening unless it takes datagrams.</summary>
internal readonly record struct WantedSocket(IPEndPoint Address, bool IsDatagram = false);

/// <summary>
/// Makes sockets inside another process's network namespace, and sets routes there. A socket belongs to the namespace that its
/// maker's thread was in, so one thread goes there for a moment. Two dangers shape this file: the thread must never do
/// anything else if it does not get back, so it is made for this and ends after; and no other thread may be born from it
/// while it is away, because it would stay there. So between the two setns calls no managed code runs that could
/// allocate, compile, or start a thread: only the calls below, through pointers looked up before, in one method that is
/// compiled fully before it starts.
/// </summary>
internal static unsafe class NamespaceListener
{
    private const int NewNetwork = 0x40000000;
    private const int FamilyInet6 = 10, FamilyNetlink = 16, Stream = 1, Datagram = 2, Raw = 3, CloseOnExec = 0x80000, NetlinkRoute = 0;
    private const int SocketLevel = 1, ReuseAddress = 2, Ipv6Level = 41, Ipv6Only = 26, Backlog = 128;
    private const int FamilyNotSupported = 97, AddressNotAvailable = 99;
    private const int MaxSockets = 64;

    private static readonly nint Library = NativeLibrary.Load("libc", typeof(NamespaceListener).Assembly, null);

    /// <summary>
    /// One socket for each wish, in order; null for an IPv6 one where the kernel has no IPv6. Those at any IPv6 address
    /// take IPv4 as well.
    /// </summary>
    /// <param name="everywhereIsLocal">Whether every address shall lead to these sockets: see <see cref="NamespaceRoutes"/>.</param>
    /// <exception cref="SandboxException">A step failed, and nothing is left open; the message names it.</exception>
    public static Socket?[] Open(int processId, IReadOnlyList<WantedSocket> wanted, bool everywhereIsLocal = false)
    {
        if (wanted.Count > MaxSockets)
        {
            throw new ArgumentException($"more than {MaxSockets}", nameof(wanted));
        }

        var descriptors = new int[wanted.Count];
        var outcome = default(Outcome);
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                outcome = OpenOnThisThread(processId, wanted, everywhereIsLocal, descriptors);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or SandboxException)
            {
                failure = e;
            }
        })
        { IsBackground = true, Name = "egress door" };
        thread.Start();
        thread.Join();

        if (failure is not null)
        {
            throw new SandboxException($"egress: network namespace of process {processId}: {failure.Message}", failure);
        }

        if (outcome.FailedStep != Step.None)
        {
            var step = outcome.FailedStep is Step.Bind or Step.Listen ? $"{outcome.FailedStep} {wanted[outcome.Index].Address}" : $"{outcome.FailedStep}";
            throw LibC.Failure("egress", $"{step} in the network namespace of process {processId}", outcome.Errno);
        }

        return [.. descriptors.Select(descriptor => descriptor < 0 ? null : new Socket(new SafeSocketHandle(descriptor, ownsHandle: true)))];
    }

    private static Outcome OpenOnThisThread(int processId, IReadOnlyList<WantedSocket> wanted, bool everywhereIsLocal, int[] descriptors)
    {
        var path = $"/proc/{processId}/ns/net";
        const string OwnPath = "/proc/thread-self/ns/net";
        if (new FileInfo(path).LinkTarget == new FileInfo(OwnPath).LinkTarget)
        {
            throw new SandboxException("it is the host's own");
        }

        using var target = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var own = File.OpenHandle(OwnPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var calls = new Calls(Library);
        var listeners = stackalloc Listener[MaxSockets];
        for (var i = 0; i < wanted.Count; i++)
        {
            var address = wanted[i].Address.Serialize();
            listeners[i].Length = (uint)address.Size;
            listeners[i].Type = wanted[i].IsDatagram ? Datagram : Stream;
            address.Buffer.Span[..address.Size].CopyTo(new Span<byte>(listeners[i].Address, Listener.AddressBytes));
        }

        var routes = stackalloc Route[2];
        var routeCount = 0;
        foreach (var family in everywhereIsLocal ? [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6] : Array.Empty<AddressFamily>())
        {
            var message = NamespaceRoutes.EverywhereIsLocal(family);
            routes[routeCount].Length = message.Length;
            message.CopyTo(new Span<byte>(routes[routeCount++].Message, Route.MaxBytes));
        }

        var outcome = OpenInside(&calls, Number(target), Number(own), new Wishes { Listeners = listeners, ListenerCount = wanted.Count, Routes = routes, RouteCount = routeCount });
        for (var i = 0; i < wanted.Count; i++)
        {
            descriptors[i] = listeners[i].Descriptor;
        }

        return outcome;
    }

    // AggressiveOptimization: compiled once and entirely, without the counters of tiered compilation, which start threads.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static Outcome OpenInside(Calls* calls, int target, int own, Wishes wishes)
    {
        var outcome = default(Outcome);
        if (calls->SetNamespace(target, NewNetwork) != 0)
        {
            outcome.FailedStep = Step.Enter;
            outcome.Errno = *calls->Errno();
            return outcome;
        }

        var (on, off) = (1, 0);
        var made = 0;
        var listeners = wishes.Listeners;
        if (wishes.RouteCount > 0)
        {
            // The kernel acts on a request before send returns; the reply is there to be read. IPv6 may be switched off:
            // then there is nothing to lead anywhere, and that is no failure.
            var netlink = calls->Socket(FamilyNetlink, Raw | CloseOnExec, NetlinkRoute);
            for (var i = 0; i < wishes.RouteCount && netlink >= 0; i++)
            {
                var route = wishes.Routes + i;
                if (calls->Send(netlink, route->Message, route->Length, 0) < 0
                    || calls->Receive(netlink, route->Reply, Route.ReplyBytes, 0) < Route.ReplyError + sizeof(int))
                {
                    outcome.FailedStep = Step.Route;
                    outcome.Errno = *calls->Errno();
                }
                else if (*(int*)(route->Reply + Route.ReplyError) is not 0 and var error && route->Message[Route.Family] != FamilyInet6)
                {
                    outcome.FailedStep = Step.Route;
                    outcome.Errno = -error;
                }
            }

            if (netlink >= 0)
            {
                _ = calls->Close(netlink);
            }
            else
            {
                outcome.FailedStep = Step.Route;
                outcome.Errno = *calls->Errno();
            }
        }

        for (; made < wishes.ListenerCount && outcome.FailedStep == Step.None; made++)
        {
            var listener = listeners + made;
            var family = *(ushort*)listener->Address;
            outcome.Index = made;
            listener->Descriptor = calls->Socket(family, listener->Type | CloseOnExec, 0);
            if (listener->Descriptor < 0)
            {
                outcome.FailedStep = Step.Socket;
            }
            else if (calls->SetOption(listener->Descriptor, SocketLevel, ReuseAddress, &on, sizeof(int)) != 0
                || (family == FamilyInet6 && calls->SetOption(listener->Descriptor, Ipv6Level, Ipv6Only, &off, sizeof(int)) != 0)
                || calls->Bind(listener->Descriptor, listener->Address, listener->Length) != 0)
            {
                outcome.FailedStep = Step.Bind;
            }
            else if (listener->Type == Stream && calls->Listen(listener->Descriptor, Backlog) != 0)
            {
                outcome.FailedStep = Step.Listen;
            }

            if (outcome.FailedStep == Step.None)
            {
                continue;
            }

            outcome.Errno = *calls->Errno();
            if (family == FamilyInet6 && outcome.Errno is (FamilyNotSupported or AddressNotAvailable))
            {
                if (listener->Descriptor >= 0)
                {
                    _ = calls->Close(listener->Descriptor);
                }

                listener->Descriptor = -1;
                outcome = default;
            }
        }

        if (calls->SetNamespace(own, NewNetwork) != 0)
        {
            outcome.FailedStep = Step.Return;
            outcome.Errno = *calls->Errno();
        }

        for (var i = 0; i < made && outcome.FailedStep != Step.None; i++)
        {
            if (listeners[i].Descriptor >= 0)
            {
                _ = calls->Close(listeners[i].Descriptor);
            }
        }

        return outcome;
    }

    private static int Number(SafeFileHandle handle) => (int)handle.DangerousGetHandle();

    private enum Step
    {
        None,
        Enter,
        Route,
        Socket,
        Bind,
        Listen,
        Return,
    }

    private struct Outcome
    {
        public Step FailedStep;
        public int Index;
        public int Errno;
    }

    private struct Wishes
    {
        public Listener* Listeners;
        public int ListenerCount;
        public Route* Routes;
        public int RouteCount;
    }

    /// <summary>A request that sets a route, and its reply.</summary>
    private struct Route
    {
        public const int MaxBytes = 64, ReplyBytes = 256;

        // Behind a struct nlmsghdr: struct rtmsg's first byte in the request, the error's number in the reply.
        public const int Family = 16, ReplyError = 16;

        public fixed byte Message[MaxBytes];
        public fixed byte Reply[ReplyBytes];
        public int Length;
    }

    /// <summary>A sockaddr_in or sockaddr_in6, and the socket that is bound there.</summary>
    private struct Listener
    {
        public const int AddressBytes = 28;

        public fixed byte Address[AddressBytes];
        public uint Length;
        public int Type;
        public int Descriptor;
    }

    /// <summary>setns(2), socket(2), setsockopt(2), bind(2), listen(2), send(2), recv(2), close(2), errno(3), as addresses: calling one runs no managed code.</summary>
    private readonly struct Calls(nint library)
    {
        public readonly delegate* unmanaged<int, int, int> SetNamespace = (delegate* unmanaged<int, int, int>)NativeLibrary.GetExport(library, "setns");
        public readonly delegate* unmanaged<int, int, int, int> Socket = (delegate* unmanaged<int, int, int, int>)NativeLibrary.GetExport(library, "socket");
        public readonly delegate* unmanaged<int, int, int, void*, uint, int> SetOption =
            (delegate* unmanaged<int, int, int, void*, uint, int>)NativeLibrary.GetExport(library, "setsockopt");
        public readonly delegate* unmanaged<int, void*, uint, int> Bind = (delegate* unmanaged<int, void*, uint, int>)NativeLibrary.GetExport(library, "bind");
        public readonly delegate* unmanaged<int, int, int> Listen = (delegate* unmanaged<int, int, int>)NativeLibrary.GetExport(library, "listen");
        public readonly delegate* unmanaged<int, void*, nint, int, nint> Send =
            (delegate* unmanaged<int, void*, nint, int, nint>)NativeLibrary.GetExport(library, "send");
        public readonly delegate* unmanaged<int, void*, nint, int, nint> Receive =
            (delegate* unmanaged<int, void*, nint, int, nint>)NativeLibrary.GetExport(library, "recv");
        public readonly delegate* unmanaged<int, int> Close = (delegate* unmanaged<int, int>)NativeLibrary.GetExport(library, "close");
        public readonly delegate* unmanaged<int*> Errno = (delegate* unmanaged<int*>)NativeLibrary.GetExport(library, "__errno_location");
    }
}
