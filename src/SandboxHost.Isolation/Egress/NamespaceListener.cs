using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using SandboxHost.Isolation.Linux;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Egress;

/// <summary>
/// Makes listening sockets inside another process's network namespace. A socket belongs to the namespace that its
/// maker's thread was in, so one thread goes there for a moment. Two dangers shape this file: the thread must never do
/// anything else if it does not get back, so it is made for this and ends after; and no other thread may be born from it
/// while it is away, because it would stay there. So between the two setns calls no managed code runs that could
/// allocate, compile, or start a thread: only the calls below, through pointers looked up before, in one method that is
/// compiled fully before it starts.
/// </summary>
internal static unsafe class NamespaceListener
{
    private const int NewNetwork = 0x40000000;
    private const int FamilyInet6 = 10, StreamCloseOnExec = 1 | 0x80000, SocketLevel = 1, ReuseAddress = 2, Backlog = 128;
    private const int FamilyNotSupported = 97, AddressNotAvailable = 99;
    private const int MaxListeners = 16;

    private static readonly nint Library = NativeLibrary.Load("libc", typeof(NamespaceListener).Assembly, null);

    /// <summary>One socket for each address, in order; null for an IPv6 one where the kernel has no IPv6.</summary>
    /// <exception cref="SandboxException">A step failed, and nothing is left open; the message names it.</exception>
    public static Socket?[] Open(int processId, IReadOnlyList<IPEndPoint> addresses)
    {
        if (addresses.Count > MaxListeners)
        {
            throw new ArgumentException($"more than {MaxListeners}", nameof(addresses));
        }

        var descriptors = new int[addresses.Count];
        var outcome = default(Outcome);
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                outcome = OpenOnThisThread(processId, addresses, descriptors);
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
            var step = outcome.FailedStep is Step.Bind or Step.Listen ? $"{outcome.FailedStep} {addresses[outcome.Index]}" : $"{outcome.FailedStep}";
            throw LibC.Failure("egress", $"{step} in the network namespace of process {processId}", outcome.Errno);
        }

        return [.. descriptors.Select(descriptor => descriptor < 0 ? null : new Socket(new SafeSocketHandle(descriptor, ownsHandle: true)))];
    }

    private static Outcome OpenOnThisThread(int processId, IReadOnlyList<IPEndPoint> addresses, int[] descriptors)
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
        var listeners = stackalloc Listener[MaxListeners];
        for (var i = 0; i < addresses.Count; i++)
        {
            var address = addresses[i].Serialize();
            listeners[i].Length = (uint)address.Size;
            address.Buffer.Span[..address.Size].CopyTo(new Span<byte>(listeners[i].Address, Listener.AddressBytes));
        }

        var outcome = OpenInside(&calls, Number(target), Number(own), listeners, addresses.Count);
        for (var i = 0; i < addresses.Count; i++)
        {
            descriptors[i] = listeners[i].Descriptor;
        }

        return outcome;
    }

    // AggressiveOptimization: compiled once and entirely, without the counters of tiered compilation, which start threads.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static Outcome OpenInside(Calls* calls, int target, int own, Listener* listeners, int count)
    {
        var outcome = default(Outcome);
        if (calls->SetNamespace(target, NewNetwork) != 0)
        {
            outcome.FailedStep = Step.Enter;
            outcome.Errno = *calls->Errno();
            return outcome;
        }

        var on = 1;
        var made = 0;
        for (; made < count && outcome.FailedStep == Step.None; made++)
        {
            var listener = listeners + made;
            var family = *(ushort*)listener->Address;
            outcome.Index = made;
            listener->Descriptor = calls->Socket(family, StreamCloseOnExec, 0);
            if (listener->Descriptor < 0)
            {
                outcome.FailedStep = Step.Socket;
            }
            else if (calls->SetOption(listener->Descriptor, SocketLevel, ReuseAddress, &on, sizeof(int)) != 0
                || calls->Bind(listener->Descriptor, listener->Address, listener->Length) != 0)
            {
                outcome.FailedStep = Step.Bind;
            }
            else if (calls->Listen(listener->Descriptor, Backlog) != 0)
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

    /// <summary>A sockaddr_in or sockaddr_in6, and the socket that listens there.</summary>
    private struct Listener
    {
        public const int AddressBytes = 28;

        public fixed byte Address[AddressBytes];
        public uint Length;
        public int Descriptor;
    }

    /// <summary>setns(2), socket(2), setsockopt(2), bind(2), listen(2), close(2), errno(3), as addresses: calling one runs no managed code.</summary>
    private readonly struct Calls(nint library)
    {
        public readonly delegate* unmanaged<int, int, int> SetNamespace = (delegate* unmanaged<int, int, int>)NativeLibrary.GetExport(library, "setns");
        public readonly delegate* unmanaged<int, int, int, int> Socket = (delegate* unmanaged<int, int, int, int>)NativeLibrary.GetExport(library, "socket");
        public readonly delegate* unmanaged<int, int, int, void*, uint, int> SetOption =
            (delegate* unmanaged<int, int, int, void*, uint, int>)NativeLibrary.GetExport(library, "setsockopt");
        public readonly delegate* unmanaged<int, void*, uint, int> Bind = (delegate* unmanaged<int, void*, uint, int>)NativeLibrary.GetExport(library, "bind");
        public readonly delegate* unmanaged<int, int, int> Listen = (delegate* unmanaged<int, int, int>)NativeLibrary.GetExport(library, "listen");
        public readonly delegate* unmanaged<int, int> Close = (delegate* unmanaged<int, int>)NativeLibrary.GetExport(library, "close");
        public readonly delegate* unmanaged<int*> Errno = (delegate* unmanaged<int*>)NativeLibrary.GetExport(library, "__errno_location");
    }
}
