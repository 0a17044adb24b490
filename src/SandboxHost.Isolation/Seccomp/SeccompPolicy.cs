namespace SandboxHost.Isolation.Seccomp;

/// <summary>
/// The filter that every worker runs under: foreign architectures are killed; a few calls are judged by their arguments;
/// the table's calls are allowed or refused; the rest does not exist (ENOSYS).
/// </summary>
internal static class SeccompPolicy
{
    private const uint X32Bit = 0x40000000;

    // sched.h: NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. NEWTIME is not a flag of clone(2).
    private const uint NewNamespaces = 0x7E020000;

    private const uint FamilyUnix = 1, FamilyInet = 2, FamilyInet6 = 10, FamilyNetlink = 16;
    private const uint TypeMask = 0xF, TypeStream = 1, TypeDatagram = 2;
    private const uint ProtocolTcp = 6, ProtocolUdp = 17;
    private const uint UpperLayerProtocol = 31;

    // asm-generic/ioctls.h: 0x54xx are the terminal's, 0x89xx the sockets'.
    private const uint TerminalIoctls = 0x5400, SocketIoctls = 0x8900, FakeInput = 0x5412, LinuxConsole = 0x541C,
        LineDiscipline = 0x5423;

    private static readonly uint[] Personalities = [0, 8, 0x20000, 0x20008, 0xFFFFFFFF];

    public static BpfInstruction[] Build(SeccompArchitecture architecture)
    {
        var filter = new BpfBuilder();
        filter.LoadArchitecture();
        filter.AnswerUnlessEqual((uint)architecture, SeccompAction.KillProcess);
        filter.LoadNumber();
        if (architecture == SeccompArchitecture.X64)
        {
            filter.AnswerIfAtLeast(X32Bit, SeccompAction.KillProcess);
        }

        void Judge(Syscall syscall, Action<BpfBuilder> rule) => filter.WhenEqual((uint)syscall.NumberOn(architecture), rule);

        Judge(SyscallTable.Clone, Clone);
        Judge(SyscallTable.Socket, Socket);
        Judge(SyscallTable.SocketPair, SocketPair);
        Judge(SyscallTable.SetSockOpt, SetSockOpt);
        Judge(SyscallTable.Ioctl, Ioctl);
        Judge(SyscallTable.Personality, Personality);
        AnswerByTable(filter, architecture);
        return filter.Build();
    }

    /// <summary>The filter as bubblewrap's --seccomp reads it: an array of struct sock_filter.</summary>
    public static byte[] ToBytes(BpfInstruction[] program)
    {
        var bytes = new byte[program.Length * BpfInstruction.Size];
        for (var i = 0; i < program.Length; i++)
        {
            program[i].WriteTo(bytes.AsSpan(i * BpfInstruction.Size));
        }

        return bytes;
    }

    // Threads and forks, but no namespaces: in a user namespace of its own a process has every capability, and with them
    // most of the kernel's attack surface. clone3 is in no list, so ENOSYS: its flags lie behind a pointer.
    private static void Clone(BpfBuilder call)
    {
        call.LoadArgument(0);
        call.Mask(NewNamespaces);
        call.AnswerIfEqual(0, SeccompAction.Allow);
        call.Answer(SeccompAction.Fail(SeccompAction.NotPermitted));
    }

    // AF_VSOCK above all: it reaches the hypervisor, and network namespaces may not cover it. Of the internet families only
    // plain TCP and UDP, because asking for another protocol makes the kernel load its module. Netlink only for getifaddrs.
    private static void Socket(BpfBuilder call)
    {
        call.LoadArgument(0);
        call.AnswerIfEqual(FamilyUnix, SeccompAction.Allow);
        call.WhenEqual(FamilyInet, InternetSocket);
        call.WhenEqual(FamilyInet6, InternetSocket);
        call.WhenEqual(FamilyNetlink, netlink =>
        {
            netlink.LoadArgument(2);
            netlink.AnswerIfEqual(0, SeccompAction.Allow);
            netlink.Answer(SeccompAction.Fail(SeccompAction.FamilyUnsupported));
        });
        call.Answer(SeccompAction.Fail(SeccompAction.FamilyUnsupported));
    }

    private static void InternetSocket(BpfBuilder call)
    {
        void OfProtocol(BpfBuilder type, uint protocol)
        {
            type.LoadArgument(2);
            type.AnswerIfEqual(0, SeccompAction.Allow);
            type.AnswerIfEqual(protocol, SeccompAction.Allow);
            type.Answer(SeccompAction.Fail(SeccompAction.ProtocolUnsupported));
        }

        call.LoadArgument(1);
        call.Mask(TypeMask);
        call.WhenEqual(TypeStream, type => OfProtocol(type, ProtocolTcp));
        call.WhenEqual(TypeDatagram, type => OfProtocol(type, ProtocolUdp));
        call.Answer(SeccompAction.Fail(SeccompAction.ProtocolUnsupported));
    }

    private static void SocketPair(BpfBuilder call)
    {
        call.LoadArgument(0);
        call.AnswerIfEqual(FamilyUnix, SeccompAction.Allow);
        call.Answer(SeccompAction.Fail(SeccompAction.FamilyUnsupported));
    }

    // Kernel TLS and its kin: a rich source of kernel bugs that no runtime here turns on.
    private static void SetSockOpt(BpfBuilder call)
    {
        call.LoadArgument(1);
        call.WhenEqual(ProtocolTcp, tcp =>
        {
            tcp.LoadArgument(2);
            tcp.AnswerIfEqual(UpperLayerProtocol, SeccompAction.Fail(SeccompAction.ProtocolOptionUnavailable));
            tcp.Answer(SeccompAction.Allow);
        });
        call.Answer(SeccompAction.Allow);
    }

    // A pseudo-terminal is there for everybody, and setting its line discipline (TIOCSETD) loads a module of the asker's choice.
    // The kernel takes the request as 32 bits; a filter that looked at all 64 could be passed with a dirty upper half.
    private static void Ioctl(BpfBuilder call)
    {
        call.LoadArgument(1);
        call.AnswerIfEqual(FakeInput, SeccompAction.Fail(SeccompAction.NotPermitted));
        call.AnswerIfEqual(LinuxConsole, SeccompAction.Fail(SeccompAction.NotPermitted));
        call.AnswerIfEqual(LineDiscipline, SeccompAction.Fail(SeccompAction.NotPermitted));
        call.Mask(0xFFFFFF00);
        call.AnswerIfEqual(TerminalIoctls, SeccompAction.Allow);
        call.AnswerIfEqual(SocketIoctls, SeccompAction.Allow);
        call.Answer(SeccompAction.Fail(SeccompAction.NotImplemented));
    }

    private static void Personality(BpfBuilder call)
    {
        call.LoadArgument(0);
        foreach (var personality in Personalities)
        {
            call.AnswerIfEqual(personality, SeccompAction.Allow);
        }

        call.Answer(SeccompAction.Fail(SeccompAction.NotImplemented));
    }

    // Neighbouring numbers with one answer become one test. A balanced tree would save nothing measurable: the kernel
    // remembers which numbers are always allowed and does not run the filter for them (Linux 5.11).
    private static void AnswerByTable(BpfBuilder filter, SeccompArchitecture architecture)
    {
        var unknown = SeccompAction.Fail(SeccompAction.NotImplemented);
        var refused = SeccompAction.Fail(SeccompAction.NotPermitted);
        var answers = new SortedDictionary<int, uint>();
        foreach (var syscall in SyscallTable.Allowed)
        {
            answers[syscall.NumberOn(architecture)] = SeccompAction.Allow;
        }

        foreach (var syscall in SyscallTable.Refused)
        {
            answers[syscall.NumberOn(architecture)] = refused;
        }

        answers.Remove(SyscallTable.None);

        var current = answers.GetValueOrDefault(0, unknown);
        for (var number = 1; number <= answers.Keys.Last() + 1; number++)
        {
            var answer = answers.GetValueOrDefault(number, unknown);
            if (answer != current)
            {
                filter.AnswerIfBelow((uint)number, current);
                current = answer;
            }
        }

        filter.Answer(unknown);
    }
}
