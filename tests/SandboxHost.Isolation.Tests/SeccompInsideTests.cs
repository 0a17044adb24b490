using System.Runtime.Versioning;
using CliWrap;
using SandboxHost.Isolation.Seccomp;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

/// <summary>
/// The filter against the real kernel. A small C program makes every call that the table has an answer for, from inside of
/// a sandbox; what is added to the table is tried without a change here.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class SeccompInsideTests
{
    // The last that Linux 6.18 knows is 469 on every architecture; what comes after must not be there either.
    private const int Numbers = 600;
    private const ulong NoDescriptor = ulong.MaxValue;
    private const ulong Stream = 1, Datagram = 2, Raw = 3, SequencedPackets = 5;

    private static readonly SeccompArchitecture Machine = SeccompArchitectures.Current;

    // Calls that the C program makes by itself.
    private static readonly Dictionary<string, string> Written = new()
    {
        ["clone3"] = "ENOSYS",
        ["more-files"] = "EPERM",
        ["real-time"] = "EPERM",
        ["no-delay"] = "DONE",
        ["memory-file"] = "DONE",
        ["core-dump"] = "SIGABRT",
        // Some virtual machines know no 32-bit calls at all.
        ["i386"] = "SIGSYS|SIGSEGV",
        ["no-new-privileges"] = "1",
        ["seccomp"] = "2",
    };

    private static readonly Syscall[] Judged =
        [SyscallTable.Clone, SyscallTable.Socket, SyscallTable.SocketPair, SyscallTable.SetSockOpt, SyscallTable.Ioctl, SyscallTable.Personality];

    [LinuxFact]
    public async Task Every_call_is_answered_by_the_kernel_as_the_table_says()
    {
        if (!File.Exists("/usr/bin/gcc"))
        {
            Assert.Skip("wants gcc");
        }

        await using var host = await TestHost.StartAsync();
        var probe = Path.Combine(host.RunnerDirectory, "probe");
        await Cli.Wrap("/usr/bin/gcc")
            .WithArguments(["-O1", "-o", probe, Path.Combine(AppContext.BaseDirectory, "probe.c")])
            .ExecuteAsync();
        List<Call> calls = [.. Refused(), .. Unknown(), .. ForeignNumbers(), .. Clones(), .. Sockets(), .. SocketPairs(), .. Options(), .. Ioctls(), .. Personalities()];
        await File.WriteAllLinesAsync(Path.Combine(host.RunnerDirectory, "calls"), calls.Select(call => call.ToString()));
        var lines = new TestLines();
        var spec = host.SpecFor("probe", "", lines.Add);
        await using var sandbox = await host.Launcher.LaunchAsync(
            spec with { Runtime = new SandboxRuntime("probe", probe, host.RunnerDirectory, _ => [SandboxLayout.RunnerDirectory + "/calls"]) },
            CancellationToken.None);

        var exit = await sandbox.Exited;

        Assert.Equal((SandboxExitReason.Exited, 0), (exit.Reason, exit.Code));
        var expected = calls.Select(call => $"{call.Name} {call.Answer}");
        Assert.Equal(expected, lines.All.Take(calls.Count));
        Assert.InRange(calls.Count, 1000, 10_000);
        Assert.All(lines.All.Skip(calls.Count), line => Assert.Contains(line.Split(' ')[1], Written[line.Split(' ')[0]].Split('|')));
        Assert.InRange(lines.All.Count - calls.Count, Written.Count - 1, Written.Count);
    }

    private static IEnumerable<Call> Refused() =>
        SyscallTable.Refused.Where(IsHere).Select(call => Call.Of(call.Name, call, "EPERM"));

    private static IEnumerable<Call> Unknown()
    {
        var known = SyscallTable.Allowed.Concat(SyscallTable.Refused).Concat(Judged).Select(call => call.NumberOn(Machine)).ToHashSet();
        return Enumerable.Range(0, Numbers).Where(number => !known.Contains(number))
            .Select(number => new Call($"number-{number}", (uint)number, [], AnswerTo(number)));
    }

    // uretprobe and uprobe: the kernel shows them to no filter, and does nothing for whoever is not probed. Before Linux 6.14
    // and 6.18 there are none, and the filter answers.
    private static string AnswerTo(int number) => (Machine, number) switch
    {
        (SeccompArchitecture.X64, 335) when Environment.OSVersion.Version >= new Version(6, 14) => "SIGILL",
        (SeccompArchitecture.X64, 336) when Environment.OSVersion.Version >= new Version(6, 18) => "ENXIO",
        _ => "ENOSYS",
    };

    // x32: the same calls by another name, which a filter that forgets them lets through.
    private static IEnumerable<Call> ForeignNumbers() => Machine == SeccompArchitecture.X64
        ? SyscallTable.Allowed.Where(IsHere).Select(call => new Call("x32-" + call.Name, 0x40000000 | (uint)call.X64, [], "SIGSYS"))
        : [];

    private static IEnumerable<Call> Clones()
    {
        ulong[] namespaces = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000];
        for (var some = 1; some < 1 << namespaces.Length; some++)
        {
            var flags = namespaces.Where((_, bit) => (some & (1 << bit)) != 0).Aggregate(17ul, (sum, flag) => sum | flag);
            yield return Call.Of($"clone-{flags:x}", SyscallTable.Clone, "EPERM", flags);
        }

        // CLONE_THREAD without what it needs: the kernel's own refusal, so the filter let it pass.
        yield return Call.Of("clone-thread", SyscallTable.Clone, "EINVAL", 0x10000);
    }

    private static IEnumerable<Call> Sockets()
    {
        ulong[] types = [Stream, Datagram, Raw, 4, SequencedPackets, 6, 10];
        for (ulong family = 0; family <= 46; family++)
        {
            // Ping, TCP, UDP, UDP-lite, SCTP, raw IP, multipath TCP; for netlink: netfilter, audit and others.
            ulong[] protocols = family is 2 or 10 or 16 ? [0, 1, 4, 6, 9, 12, 15, 17, 132, 136, 255, 262] : [0];
            foreach (var type in types)
            {
                foreach (var protocol in protocols)
                {
                    yield return Call.Of($"socket-{family}-{type}-{protocol}", SyscallTable.Socket, SocketAnswer(family, type, protocol), family, type, protocol);
                    yield return Call.Of($"socket-{family}-{type}-{protocol}-cloexec", SyscallTable.Socket, SocketAnswer(family, type, protocol), family, type | 0x80800, protocol);
                }
            }
        }
    }

    // ESOCKTNOSUPPORT is the kernel's: families that are allowed do not have every type.
    private static string SocketAnswer(ulong family, ulong type, ulong protocol) => (family, type, protocol) switch
    {
        (1, Stream or Datagram or Raw or SequencedPackets, _) => "DONE",
        (1, _, _) => "ESOCKTNOSUPPORT",
        (2 or 10, Stream, 0 or 6) or (2 or 10, Datagram, 0 or 17) => "DONE",
        (2 or 10, _, _) => "EPROTONOSUPPORT",
        (16, Datagram or Raw, 0) => "DONE",
        (16, _, 0) => "ESOCKTNOSUPPORT",
        _ => "EAFNOSUPPORT",
    };

    private static IEnumerable<Call> SocketPairs()
    {
        for (ulong family = 0; family <= 46; family++)
        {
            // Without a place for the two descriptors the kernel says EFAULT, after everything else.
            yield return Call.Of($"socketpair-{family}", SyscallTable.SocketPair, family == 1 ? "EFAULT" : "EAFNOSUPPORT", family, Stream, 0, 0);
        }
    }

    private static IEnumerable<Call> Options()
    {
        yield return Call.Of("TCP_ULP", SyscallTable.SetSockOpt, "ENOPROTOOPT", NoDescriptor, 6, 31);
        yield return Call.Of("TCP_ULP-dirty", SyscallTable.SetSockOpt, "ENOPROTOOPT", NoDescriptor, 0xFFFF_FFFF_0000_0006, 0xABCD_0000_0000_001F);
        yield return Call.Of("TCP_NODELAY", SyscallTable.SetSockOpt, "EBADF", NoDescriptor, 6, 1);
        yield return Call.Of("31-of-SOL_SOCKET", SyscallTable.SetSockOpt, "EBADF", NoDescriptor, 1, 31);
    }

    private static IEnumerable<Call> Ioctls()
    {
        // TIOCSTI, TIOCLINUX, TIOCSETD, and with bits that the kernel does not look at.
        ulong[] refused = [0x5412, 0x541C, 0x5423];
        foreach (var request in refused)
        {
            yield return Call.Of($"ioctl-{request:x}", SyscallTable.Ioctl, "EPERM", NoDescriptor, request);
            yield return Call.Of($"ioctl-{request:x}-dirty", SyscallTable.Ioctl, "EPERM", NoDescriptor, request | 0x1_0000_0000);
        }

        for (ulong low = 0; low <= 0xFF; low++)
        {
            // Terminals and sockets pass; KVM, block devices, file systems, loop devices and network tunnels are not there.
            if (!refused.Contains(0x5400 | low))
            {
                yield return Call.Of($"ioctl-{0x5400 | low:x}", SyscallTable.Ioctl, "EBADF", NoDescriptor, 0x5400 | low);
            }

            yield return Call.Of($"ioctl-{0x8900 | low:x}", SyscallTable.Ioctl, "EBADF", NoDescriptor, 0x8900 | low);
            foreach (var kind in new ulong[] { 0, 0x0100, 0x1200, 0x4C00, 0x5300, 0x5500, 0x6600, 0x8800, 0x8A00, 0xAE00, 0x4000_5400, 0x8000_8900 })
            {
                yield return Call.Of($"ioctl-{kind | low:x}", SyscallTable.Ioctl, "ENOSYS", NoDescriptor, kind | low);
            }
        }
    }

    private static IEnumerable<Call> Personalities()
    {
        foreach (var allowed in new ulong[] { 0, 8, 0x20000, 0x20008, 0xFFFFFFFF })
        {
            yield return Call.Of($"personality-{allowed:x}", SyscallTable.Personality, "DONE", allowed);
        }

        for (var bit = 0; bit < 32; bit++)
        {
            if (bit is not (3 or 17))
            {
                yield return Call.Of($"personality-{1ul << bit:x}", SyscallTable.Personality, "ENOSYS", 1ul << bit);
            }
        }
    }

    private static bool IsHere(Syscall call) => call.NumberOn(Machine) != SyscallTable.None && !Judged.Contains(call);

    /// <summary>One system call and its answer.</summary>
    private sealed record Call(string Name, uint Number, ulong[] Arguments, string Answer)
    {
        public static Call Of(string name, Syscall syscall, string answer, params ulong[] arguments) =>
            new(name, (uint)syscall.NumberOn(Machine), arguments, answer);

        public override string ToString() => $"{Name} {Number} {string.Join(' ', Arguments.Concat(new ulong[6]).Take(6))}";
    }
}
