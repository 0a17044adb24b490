using System.Runtime.InteropServices;

namespace SandboxHost.Launcher;

/// <summary>
/// System calls, made directly. Managed code cannot do these, and the C library's wrappers for ids would act on every
/// thread of the process: only the calling one matters, since execve(2) keeps it and ends the others. See syscall(2).
/// All memory passed is pinned or unmanaged for the length of the call.
/// </summary>
internal static unsafe partial class Kernel
{
    public const int OpenReadOnly = 0;
    public const int OpenWriteOnly = 1;
    public const int OpenReadWrite = 2;
    public const int OpenCreate = 0x40;
    public const int OpenTruncate = 0x200;
    public const int OpenCloseOnExec = 0x80000;

    /// <summary>"Relative to the working directory": not used with a relative path here, but the calls want it.</summary>
    private const int AtWorkingDirectory = -100;

    private static readonly bool X64 = RuntimeInformation.ProcessArchitecture == Architecture.X64;

    public static int LastError => Marshal.GetLastPInvokeError();

    public static int Open(byte* path, int flags, int mode = 0) =>
        (int)Call(X64 ? 257 : 56, AtWorkingDirectory, (nint)path, flags, mode);

    public static long Read(int descriptor, byte* buffer, long length) =>
        Call(X64 ? 0 : 63, descriptor, (nint)buffer, (nint)length);

    public static long Write(int descriptor, byte* buffer, long length) =>
        Call(X64 ? 1 : 64, descriptor, (nint)buffer, (nint)length);

    public static long SeekToStart(int descriptor) => Call(X64 ? 8 : 62, descriptor);

    public static int Close(int descriptor) => (int)Call(X64 ? 3 : 57, descriptor);

    /// <summary>dup3(2) without flags: the copy survives execve.</summary>
    public static int Duplicate(int descriptor, int to) => (int)Call(X64 ? 292 : 24, descriptor, to);

    /// <summary>fcntl(2), F_SETFD without FD_CLOEXEC.</summary>
    public static int KeepOnExec(int descriptor) => (int)Call(X64 ? 72 : 25, descriptor, 2, 0);

    public static int MemoryFile(byte* name) => (int)Call(X64 ? 319 : 279, (nint)name, 1);

    /// <summary>Marks every descriptor from <paramref name="first"/> on close-on-exec.</summary>
    public static int CloseOnExecFrom(int first) => (int)Call(436, first, unchecked((nint)uint.MaxValue), 4);

    public static int MakeDirectory(byte* path, int mode) => (int)Call(X64 ? 258 : 34, AtWorkingDirectory, (nint)path, mode);

    public static int UnshareMounts() => (int)Call(X64 ? 272 : 97, 0x20000);

    public static int Mount(byte* source, byte* target, byte* type, long flags, byte* options) =>
        (int)Call(X64 ? 165 : 40, (nint)source, (nint)target, (nint)type, (nint)flags, (nint)options);

    public static int SetLimit(int resource, ulong value)
    {
        var limit = stackalloc ulong[2] { value, value };
        return (int)Call(X64 ? 302 : 261, 0, resource, (nint)limit);
    }

    public static int SetSignalDefault(int signal)
    {
        // struct sigaction: handler, flags, restorer (x86-64 only), mask; all zero is SIG_DFL.
        var action = stackalloc ulong[4] { 0, 0, 0, 0 };
        return (int)Call(X64 ? 13 : 134, signal, (nint)action, 0, 8);
    }

    public static int UnblockAllSignals()
    {
        ulong none = 0;
        return (int)Call(X64 ? 14 : 135, 2, (nint)(&none), 0, 8);
    }

    public static int DropGroups() => (int)Call(X64 ? 116 : 159);

    public static int SetGid(uint gid) => (int)Call(X64 ? 119 : 149, (nint)gid, (nint)gid, (nint)gid);

    public static int SetUid(uint uid) => (int)Call(X64 ? 117 : 147, (nint)uid, (nint)uid, (nint)uid);

    public static int Umask(int mask) => (int)Call(X64 ? 95 : 166, mask);

    public static int Process(int option, long value) => (int)Call(X64 ? 157 : 167, option, (nint)value);

    public static int ParentProcess() => (int)Call(X64 ? 110 : 173);

    public static int Execute(byte* path, byte** arguments, byte** environment) =>
        (int)Call(X64 ? 59 : 221, (nint)path, (nint)arguments, (nint)environment);

    private static nint Call(int number, nint a = 0, nint b = 0, nint c = 0, nint d = 0, nint e = 0) =>
        SystemCall(number, a, b, c, d, e);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint a, nint b, nint c, nint d, nint e);
}
