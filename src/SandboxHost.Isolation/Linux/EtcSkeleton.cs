using System.Net;
using System.Runtime.Versioning;
using SandboxHost.Egress;

namespace SandboxHost.Isolation.Linux;

/// <summary>The /etc that workers see: enough for getpwuid, localhost and TLS, and nothing of the host's but its CA bundle.</summary>
[SupportedOSPlatform("linux")]
internal static class EtcSkeleton
{
    private static readonly string[] BundlePlaces =
    [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
    ];

    private static readonly (string Name, string Text)[] Texts =
    [
        ("passwd", "fn:x:65534:65534:function:/tmp:/bin/false\n"),
        ("group", "fn:x:65534:\n"),
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
    ];

    /// <param name="siteNames">Further names of localhost.</param>
    /// <param name="hasDoor">Whether workers have an egress door, and with it a name server and a way to the host.</param>
    public static void Write(string directory, IReadOnlyList<string> siteNames, bool hasDoor)
    {
        Directory.CreateDirectory(directory);
        WriteReadable(Path.Combine(directory, "hosts"), Hosts(siteNames, hasDoor));
        WriteReadable(Path.Combine(directory, "resolv.conf"), hasDoor ? $"nameserver {IPAddress.Loopback}\n" : "");
        foreach (var (name, text) in Texts)
        {
            WriteReadable(Path.Combine(directory, name), text);
        }

        if (BundlePlaces.FirstOrDefault(File.Exists) is { } bundle)
        {
            var certificates = Path.Combine(directory, "ssl", "certs");
            Directory.CreateDirectory(certificates);
            WriteReadable(Path.Combine(certificates, "ca-certificates.crt"), File.ReadAllText(bundle));
        }

        // Said outright, whatever the host's umask is.
        foreach (var made in Directory.EnumerateDirectories(directory, "*", SearchOption.AllDirectories).Append(directory))
        {
            File.SetUnixFileMode(made, FileModes.DirectoryReadableByAll);
        }
    }

    // A line for each name: glibc takes lines of any length, other resolvers cut them.
    private static string Hosts(IReadOnlyList<string> siteNames, bool hasDoor) =>
        "127.0.0.1 localhost fn\n::1 localhost\n"
        + (hasDoor ? $"{EgressPolicy.HostAddress} {EgressPolicy.HostName}\n" : "")
        + string.Concat(siteNames.Select(name => $"127.0.0.1 {name}\n::1 {name}\n"));

    private static void WriteReadable(string path, string text)
    {
        File.WriteAllText(path, text);
        File.SetUnixFileMode(path, FileModes.FileReadableByAll);
    }
}
