using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Linux;

/// <summary>
/// Every call to the C library, and nothing else. The framework offers none of these: advisory locks with a known meaning,
/// signals to other processes, errno of a failed mkdir or rmdir, the user id. Arguments are strings and integers that the
/// marshaller owns; no call keeps a pointer. See the man pages of the same names.
/// </summary>
internal static partial class LibC
{
    public const int ErrnoNoEntry = 2;
    public const int ErrnoBusy = 16;
    public const int ErrnoExists = 17;

    private const int LockExclusive = 2;
    private const int LockNonBlocking = 4;
    private const int SigKill = 9;
    private const int WaitNoHang = 1;
    private const int DescriptorsLimit = 7;
    private const int DuplicateCloseOnExec = 1030;

    // The same numbers on every architecture.
    private const int PidfdSendSignal = 424;
    private const int PidfdOpen = 434;

    // Held open to be duplicated: standard input may be closed.
    private static readonly SafeFileHandle AnyFile = File.OpenHandle("/dev/null");

    public static uint EffectiveUserId => geteuid();

    /// <summary>The first number of a descriptor that the kernel does not give to this process (getrlimit(2)).</summary>
    public static ulong DescriptorLimit => getrlimit(DescriptorsLimit, out var limit) == 0 ? limit.Soft : ulong.MaxValue;

    /// <summary>The number that the next file would get; null when there is none.</summary>
    public static int? LowestFreeDescriptor()
    {
        var number = fcntl(AnyFile, DuplicateCloseOnExec, 0);
        if (number < 0)
        {
            return null;
        }

        _ = close(number);
        return number;
    }

    /// <summary>Takes the file's lock without waiting; false when another process has it. Held until the handle closes.</summary>
    public static bool TryLock(SafeFileHandle file) => flock(file, LockExclusive | LockNonBlocking) == 0;

    /// <summary>Sends SIGKILL. A process that is gone already is no error.</summary>
    public static void Kill(int processId) => _ = kill(processId, SigKill);

    /// <summary>
    /// A handle on a process (pidfd_open(2)): it means that process and never another one that got its number later.
    /// Null when it has been reaped already, or on kernels before 5.3.
    /// </summary>
    public static SafeFileHandle? OpenProcess(int processId)
    {
        var descriptor = syscall(PidfdOpen, processId, 0, 0, 0);
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>Sends SIGKILL (pidfd_send_signal(2)). A process that is gone already is no error.</summary>
    public static void Kill(SafeFileHandle process)
    {
        var held = false;
        try
        {
            process.DangerousAddRef(ref held);
            _ = syscall(PidfdSendSignal, process.DangerousGetHandle(), SigKill, 0, 0);
        }
        finally
        {
            if (held)
            {
                process.DangerousRelease();
            }
        }
    }

    /// <summary>Reaps a process that has ended and was handed to this one, as it happens to process 1 of a container.</summary>
    public static void Reap(int processId) => _ = waitpid(processId, 0, WaitNoHang);

    /// <summary>Makes a directory that was not there; 0, or the errno.</summary>
    public static int MakeDirectory(string path) => mkdir(path, 0x1ED) == 0 ? 0 : Marshal.GetLastPInvokeError(); // 0755

    /// <summary>Removes an empty directory; 0, or the errno.</summary>
    public static int RemoveDirectory(string path) => rmdir(path) == 0 ? 0 : Marshal.GetLastPInvokeError();

    /// <summary>An exception that names the step, the path and the errno.</summary>
    public static SandboxException Failure(string step, string path, int errno) =>
        new($"{step}: {path}: errno {errno} ({Marshal.GetPInvokeErrorMessage(errno)})");

    // Variadic in C; with integers only, the registers are the same on x86-64 and arm64.
    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint first, nint second, nint third, nint fourth);

    [LibraryImport("libc")]
    private static partial uint geteuid();

    [LibraryImport("libc")]
    private static partial int getrlimit(int resource, out ResourceLimit limit);

    // Variadic in C, as syscall is.
    [LibraryImport("libc")]
    private static partial int fcntl(SafeFileHandle descriptor, int command, int argument);

    [LibraryImport("libc")]
    private static partial int close(int descriptor);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(SafeFileHandle descriptor, int operation);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int processId, int signal);

    [LibraryImport("libc")]
    private static partial int waitpid(int processId, nint status, int options);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rmdir(string path);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mkdir(string path, uint mode);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct ResourceLimit(ulong Soft, ulong Hard);
}
