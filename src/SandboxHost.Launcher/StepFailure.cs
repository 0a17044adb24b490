using System.Text;

namespace SandboxHost.Launcher;

/// <summary>A step that the kernel refused. Its text is what the host reports: <c>step: path: errno N (NAME)</c>.</summary>
internal sealed class StepFailure(string step, string path, int errno) : Exception
{
    public const int MaxLength = 1024;

    public unsafe long WriteTo(byte* buffer)
    {
        var text = "sandboxhost-launcher: " + step + ": " + path + ": errno " + errno + " (" + NameOf(errno) + ")";
        var line = Encoding.UTF8.GetBytes(text);
        var length = Math.Min(line.Length, MaxLength - 1);
        line.AsSpan(0, length).CopyTo(new Span<byte>(buffer, MaxLength));
        buffer[length] = (byte)'\n';
        return length + 1;
    }

    // The ones that these steps can meet; numbers are the same on x86-64 and arm64.
    private static string NameOf(int errno) => errno switch
    {
        1 => "EPERM", 2 => "ENOENT", 3 => "ESRCH", 5 => "EIO", 7 => "E2BIG", 8 => "ENOEXEC", 9 => "EBADF", 11 => "EAGAIN",
        12 => "ENOMEM", 13 => "EACCES", 14 => "EFAULT", 16 => "EBUSY", 17 => "EEXIST", 19 => "ENODEV", 20 => "ENOTDIR",
        21 => "EISDIR", 22 => "EINVAL", 23 => "ENFILE", 24 => "EMFILE", 26 => "ETXTBSY", 28 => "ENOSPC", 30 => "EROFS",
        36 => "ENAMETOOLONG", 38 => "ENOSYS", 40 => "ELOOP", 95 => "EOPNOTSUPP", _ => "see errno(3)",
    };
}
