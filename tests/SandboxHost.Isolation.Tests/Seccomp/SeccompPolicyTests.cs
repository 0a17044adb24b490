namespace SandboxHost.Isolation.Seccomp;

public sealed class SeccompPolicyTests
{
    private const uint Allow = SeccompAction.Allow;
    private const uint Kill = SeccompAction.KillProcess;
    private const uint NoFamily = 0x50000 + 97, NoProtocol = 0x50000 + 93, NotPermitted = 0x50000 + 1, NotThere = 0x50000 + 38, NoOption = 0x50000 + 92;

    private static readonly SeccompArchitecture[] Both = [SeccompArchitecture.X64, SeccompArchitecture.Arm64];
    private static readonly Dictionary<SeccompArchitecture, BpfInstruction[]> Programs = Both.ToDictionary(one => one, SeccompPolicy.Build);

    // Judged by their arguments, here or in rows of their own.
    private static readonly string[] Judged = ["clone", "socket", "socketpair", "setsockopt", "ioctl", "personality"];

    /// <summary>Call, arguments, answer; for both architectures.</summary>
    public static TheoryData<string, ulong[], uint> Cases { get; } = new()
    {
        { "clone", [0x3D0F00], Allow }, // pthread_create
        { "clone", [0x1200011], Allow }, // fork
        { "clone", [0x4111], Allow }, // vfork
        { "clone", [0x10000011], NotPermitted }, // NEWUSER
        { "clone", [0x00020011], NotPermitted }, // NEWNS
        { "clone", [0x20000011], NotPermitted }, // NEWPID
        { "clone", [0x40000011], NotPermitted }, // NEWNET
        { "clone", [0x08000011], NotPermitted }, // NEWIPC
        { "clone", [0x04000011], NotPermitted }, // NEWUTS
        { "clone", [0x02000011], NotPermitted }, // NEWCGROUP
        { "clone", [0xFFFF_FFFF_1000_0011], NotPermitted }, // a dirty upper half
        { "socket", [1, 1, 0], Allow },
        { "socket", [2, 1, 0], Allow },
        { "socket", [2, 1 | 0x80800, 6], Allow }, // nonblocking, close on exec, TCP by name
        { "socket", [2, 2, 17], Allow },
        { "socket", [10, 2, 0], Allow },
        { "socket", [0xFFFF_FFFF_0000_0002, 1, 0], Allow }, // int in a 64-bit register
        { "socket", [2, 1, 132], NoProtocol }, // SCTP
        { "socket", [2, 1, 262], NoProtocol }, // MPTCP
        { "socket", [2, 2, 1], NoProtocol }, // ping
        { "socket", [2, 3, 1], NoProtocol }, // raw
        { "socket", [10, 5, 132], NoProtocol },
        { "socket", [16, 3, 0], Allow }, // getifaddrs
        { "socket", [16, 3, 12], NoFamily }, // netfilter
        { "socket", [17, 3, 0], NoFamily }, // packet
        { "socket", [38, 5, 0], NoFamily }, // crypto
        { "socket", [40, 1, 0], NoFamily }, // the hypervisor
        { "socket", [44, 2, 0], NoFamily }, // XDP
        { "socket", [0, 1, 0], NoFamily },
        { "socketpair", [1, 1, 0], Allow },
        { "socketpair", [30, 1, 0], NoFamily }, // TIPC
        { "setsockopt", [3, 6, 1], Allow }, // TCP_NODELAY
        { "setsockopt", [3, 1, 31], Allow }, // same number, other level
        { "setsockopt", [3, 6, 31], NoOption }, // kernel TLS
        { "setsockopt", [3, 0xFFFF_FFFF_0000_0006, 0xABCD_0000_0000_001F], NoOption },
        { "ioctl", [0, 0x5401], Allow }, // TCGETS
        { "ioctl", [0, 0x541B], Allow }, // FIONREAD
        { "ioctl", [0, 0x5421], Allow }, // FIONBIO
        { "ioctl", [0, 0x8912], Allow }, // SIOCGIFCONF
        { "ioctl", [0, 0x5412], NotPermitted }, // TIOCSTI
        { "ioctl", [0, 0x541C], NotPermitted }, // TIOCLINUX
        { "ioctl", [0, 0x5423], NotPermitted }, // TIOCSETD
        { "ioctl", [0, 0x1_0000_5412], NotPermitted }, // a dirty upper half: CVE-2019-10063
        { "ioctl", [0, 0xAE01], NotThere }, // KVM
        { "ioctl", [0, 0x125401], NotThere },
        { "personality", [0xFFFFFFFF], Allow },
        { "personality", [0], Allow },
        { "personality", [0x20008], Allow },
        { "personality", [0x0040000], NotThere }, // no address randomisation
        { "read", [0], Allow },
        { "exit_group", [0], Allow },
        { "openat2", [0], Allow },
        { "futex_waitv", [0], Allow },
        { "mount", [], NotPermitted },
        { "unshare", [0x10000000], NotPermitted },
        { "setns", [], NotPermitted },
        { "ptrace", [], NotPermitted },
        { "bpf", [], NotPermitted },
        { "io_uring_setup", [], NotPermitted },
        { "userfaultfd", [], NotPermitted },
        { "keyctl", [], NotPermitted },
        { "perf_event_open", [], NotPermitted },
        { "seccomp", [], NotPermitted },
        { "setuid", [], NotPermitted },
        { "open_by_handle_at", [], NotPermitted },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Calls_are_answered_by_the_table(string name, ulong[] arguments, uint answer)
    {
        foreach (var architecture in Both)
        {
            Assert.Equal(answer, Run(architecture, NumberOf(name, architecture), arguments));
        }
    }

    [Fact]
    public void Every_name_of_the_two_lists_gets_its_answer_on_both_architectures()
    {
        foreach (var architecture in Both)
        {
            foreach (var (list, answer) in new[] { (SyscallTable.Allowed, Allow), (SyscallTable.Refused, NotPermitted) })
            {
                var known = list.Where(call => call.NumberOn(architecture) != SyscallTable.None && !Judged.Contains(call.Name));
                Assert.All(known, call => Assert.Equal(answer, Run(architecture, call.NumberOn(architecture))));
            }
        }
    }

    [Fact]
    public void Everything_else_does_not_exist()
    {
        foreach (var architecture in Both)
        {
            var known = SyscallTable.Allowed.Concat(SyscallTable.Refused).Select(call => call.NumberOn(architecture))
                .Concat(Judged.Select(name => NumberOf(name, architecture)))
                .ToHashSet();
            var others = Enumerable.Range(0, 2000).Where(number => !known.Contains(number)).ToArray();
            Assert.True(others.Length > 1500);
            Assert.All(others, number => Assert.Equal(NotThere, Run(architecture, number)));
        }
    }

    [Fact]
    public void Clone3_does_not_exist_so_that_libraries_fall_back_to_clone() =>
        Assert.All(Both, architecture => Assert.Equal(NotThere, Run(architecture, 435)));

    [Theory]
    [InlineData(0x40000003)] // i386
    [InlineData(0xC0000015)] // ppc64le
    [InlineData(0)]
    public void Foreign_architectures_are_killed(uint architecture)
    {
        Assert.All(Programs.Values, program => Assert.Equal(Kill, BpfInterpreter.Run(program, architecture, 0)));
        Assert.Equal(Kill, BpfInterpreter.Run(Programs[SeccompArchitecture.X64], (uint)SeccompArchitecture.Arm64, 63));
    }

    [Theory]
    [InlineData(0x40000000)]
    [InlineData(0x40000027)]
    [InlineData(0xFFFFFFFF)]
    public void X32_numbers_are_killed(uint number) =>
        Assert.Equal(Kill, BpfInterpreter.Run(Programs[SeccompArchitecture.X64], (uint)SeccompArchitecture.X64, number));

    [Fact]
    public void Lists_have_no_name_or_number_twice()
    {
        var all = SyscallTable.Allowed.Concat(SyscallTable.Refused).ToArray();
        Assert.Equal((226, 112), (SyscallTable.Allowed.Length, SyscallTable.Refused.Length));
        Assert.Equal(all.Length, all.DistinctBy(call => call.Name).Count());
        foreach (var architecture in Both)
        {
            var numbers = all.Select(call => call.NumberOn(architecture)).Where(number => number != SyscallTable.None).ToArray();
            Assert.Equal(numbers.Length, numbers.Distinct().Count());
        }
    }

    [Fact]
    public void Program_is_within_the_kernels_limit_and_eight_bytes_an_instruction() => Assert.All(Programs.Values, program =>
    {
        Assert.InRange(program.Length, 100, 4096);
        Assert.Equal(program.Length * 8, SeccompPolicy.ToBytes(program).Length);
        Assert.Equal([0x20, 0, 0, 0, 4, 0, 0, 0], SeccompPolicy.ToBytes(program)[..8]);
    });

    private static uint Run(SeccompArchitecture architecture, int number, params ulong[] arguments) =>
        BpfInterpreter.Run(Programs[architecture], (uint)architecture, (uint)number, arguments);

    private static int NumberOf(string name, SeccompArchitecture architecture)
    {
        var special = new[] { SyscallTable.Clone, SyscallTable.Socket, SyscallTable.SocketPair, SyscallTable.SetSockOpt, SyscallTable.Ioctl, SyscallTable.Personality };
        return special.Concat(SyscallTable.Allowed).Concat(SyscallTable.Refused).First(call => call.Name == name).NumberOn(architecture);
    }
}
