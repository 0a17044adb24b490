using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using SandboxHost.Isolation.Linux;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Egress;

/// <summary>
/// Makes a listening socket inside another process's network namespace. A socket belongs to the namespace that its
/// maker's thread was in, so one thread goes there for a moment. Two dangers shape this file: the thread must never do
/// anything else if it does not get back, so it is made for this and ends after; and no other thread may be born from it
/// while it is away, because it would stay there. So between the two setns calls no managed code runs that could
/// allocate, compile, or start a thread: only the calls below, through pointers looked up before, in one method that is
/// compiled fully before it starts.
/// </summary>
internal static unsafe class NamespaceListener
{
    private const int Port = 3128;
    private const int NewNetwork = 0x40000000;
    private const int FamilyInet = 2, StreamCloseOnExec = 1 | 0x80000, SocketLevel = 1, ReuseAddress = 2, Backlog = 128;

    private static readonly nint Library = NativeLibrary.Load("libc", typeof(NamespaceListener).Assembly, null);

    /// <exception cref="SandboxException">A step failed; the message names it.</exception>
    public static Socket Open(int processId)
    {
        var outcome = default(Outcome);
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                outcome = OpenOnThisThread(processId);
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
            throw LibC.Failure("egress", $"{outcome.FailedStep} in the network namespace of process {processId}", outcome.Errno);
        }

        return new Socket(new SafeSocketHandle(outcome.Descriptor, ownsHandle: true));
    }

    private static Outcome OpenOnThisThread(int processId)
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

        // struct sockaddr_in: family, port and address in network order, padding.
        var address = stackalloc byte[16] { FamilyInet, 0, Port >> 8, Port & 0xFF, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0 };
        return OpenInside(&calls, Number(target), Number(own), address);
    }

    // AggressiveOptimization: compiled once and entirely, without the counters of tiered compilation, which start threads.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static Outcome OpenInside(Calls* calls, int target, int own, byte* address)
    {
        var outcome = new Outcome { Descriptor = -1 };
        if (calls->SetNamespace(target, NewNetwork) != 0)
        {
            outcome.FailedStep = Step.Enter;
            outcome.Errno = *calls->Errno();
            return outcome;
        }

        var on = 1;
        outcome.Descriptor = calls->Socket(FamilyInet, StreamCloseOnExec, 0);
        if (outcome.Descriptor < 0)
        {
            outcome.FailedStep = Step.Socket;
        }
        else if (calls->SetOption(outcome.Descriptor, SocketLevel, ReuseAddress, &on, sizeof(int)) != 0
            || calls->Bind(outcome.Descriptor, address, 16) != 0)
        {
            outcome.FailedStep = Step.Bind;
        }
        else if (calls->Listen(outcome.Descriptor, Backlog) != 0)
        {
            outcome.FailedStep = Step.Listen;
        }

        if (outcome.FailedStep != Step.None)
        {
            outcome.Errno = *calls->Errno();
        }

        if (calls->SetNamespace(own, NewNetwork) != 0)
        {
            outcome.FailedStep = Step.Return;
            outcome.Errno = *calls->Errno();
        }

        if (outcome.FailedStep != Step.None && outcome.Descriptor >= 0)
        {
            _ = calls->Close(outcome.Descriptor);
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
        public int Descriptor;
        public Step FailedStep;
        public int Errno;
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
