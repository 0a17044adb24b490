namespace SandboxHost.Isolation.Seccomp;

/// <summary>One system call: its name and its number on each architecture, or <see cref="SyscallTable.None"/>.</summary>
internal readonly record struct Syscall(string Name, int X64, int Arm64)
{
    public int NumberOn(SeccompArchitecture architecture) =>
        architecture == SeccompArchitecture.X64 ? X64 : Arm64;
}

/// <summary>
/// What a worker may call and what it is told no for. Everything in neither list is answered ENOSYS, so that a C library
/// newer than this table falls back to older calls. Numbers are the kernel's ABI (asm/unistd_64.h, asm-generic/unistd.h).
/// </summary>
internal static class SyscallTable
{
    /// <summary>The architecture does not have this call.</summary>
    public const int None = -1;

    /// <summary>Calls whose arguments are looked at; <see cref="SeccompPolicy"/> says how.</summary>
    public static readonly Syscall Clone = new("clone", 56, 220);
    public static readonly Syscall Socket = new("socket", 41, 198);
    public static readonly Syscall SocketPair = new("socketpair", 53, 199);
    public static readonly Syscall SetSockOpt = new("setsockopt", 54, 208);
    public static readonly Syscall Ioctl = new("ioctl", 16, 29);
    public static readonly Syscall Personality = new("personality", 135, 92);

    /// <summary>Found to be enough for Node 20, 22, 24 and .NET 10 (JIT, ReadyToRun, NativeAOT). 226 names.</summary>
    public static readonly Syscall[] Allowed =
    [
        new("read", 0, 63), new("write", 1, 64), new("open", 2, None), new("close", 3, 57), new("stat", 4, None),
        new("fstat", 5, 80), new("lstat", 6, None), new("poll", 7, None), new("lseek", 8, 62), new("mmap", 9, 222),
        new("mprotect", 10, 226), new("munmap", 11, 215), new("brk", 12, 214), new("rt_sigaction", 13, 134),
        new("rt_sigprocmask", 14, 135), new("rt_sigreturn", 15, 139), new("pread64", 17, 67), new("pwrite64", 18, 68),
        new("readv", 19, 65), new("writev", 20, 66), new("access", 21, None), new("pipe", 22, None),
        new("select", 23, None), new("sched_yield", 24, 124), new("mremap", 25, 216), new("msync", 26, 227),
        new("mincore", 27, 232), new("madvise", 28, 233), new("dup", 32, 23), new("dup2", 33, None),
        new("pause", 34, None), new("nanosleep", 35, 101), new("getitimer", 36, 102), new("alarm", 37, None),
        new("setitimer", 38, 103), new("getpid", 39, 172), new("sendfile", 40, 71), new("connect", 42, 203),
        new("accept", 43, 202), new("sendto", 44, 206), new("recvfrom", 45, 207), new("sendmsg", 46, 211),
        new("recvmsg", 47, 212), new("shutdown", 48, 210), new("bind", 49, 200), new("listen", 50, 201),
        new("getsockname", 51, 204), new("getpeername", 52, 205), new("socketpair", 53, 199),
        new("setsockopt", 54, 208), new("getsockopt", 55, 209), new("fork", 57, None), new("vfork", 58, None),
        new("execve", 59, 221), new("exit", 60, 93), new("wait4", 61, 260), new("kill", 62, 129),
        new("uname", 63, 160), new("fcntl", 72, 25), new("flock", 73, 32), new("fsync", 74, 82),
        new("fdatasync", 75, 83), new("truncate", 76, 45), new("ftruncate", 77, 46), new("getdents", 78, None),
        new("getcwd", 79, 17), new("chdir", 80, 49), new("fchdir", 81, 50), new("rename", 82, None),
        new("mkdir", 83, None), new("rmdir", 84, None), new("creat", 85, None), new("link", 86, None),
        new("unlink", 87, None), new("symlink", 88, None), new("readlink", 89, None), new("chmod", 90, None),
        new("fchmod", 91, 52), new("chown", 92, None), new("fchown", 93, 55), new("lchown", 94, None),
        new("umask", 95, 166), new("gettimeofday", 96, 169), new("getrlimit", 97, 163), new("getrusage", 98, 165),
        new("sysinfo", 99, 179), new("times", 100, 153), new("getuid", 102, 174), new("getgid", 104, 176),
        new("geteuid", 107, 175), new("getegid", 108, 177), new("setpgid", 109, 154), new("getppid", 110, 173),
        new("getpgrp", 111, None), new("setsid", 112, 157), new("getgroups", 115, 158), new("getresuid", 118, 148),
        new("getresgid", 120, 150), new("getpgid", 121, 155), new("getsid", 124, 156), new("capget", 125, 90),
        new("rt_sigpending", 127, 136), new("rt_sigtimedwait", 128, 137), new("rt_sigqueueinfo", 129, 138),
        new("rt_sigsuspend", 130, 133), new("sigaltstack", 131, 132), new("utime", 132, None), new("statfs", 137, 43),
        new("fstatfs", 138, 44), new("getpriority", 140, 141), new("setpriority", 141, 140),
        new("sched_setparam", 142, 118), new("sched_getparam", 143, 121), new("sched_setscheduler", 144, 119),
        new("sched_getscheduler", 145, 120), new("sched_get_priority_max", 146, 125),
        new("sched_get_priority_min", 147, 126), new("sched_rr_get_interval", 148, 127), new("mlock", 149, 228),
        new("munlock", 150, 229), new("mlockall", 151, 230), new("munlockall", 152, 231), new("prctl", 157, 167),
        new("arch_prctl", 158, None), new("setrlimit", 160, 164), new("sync", 162, 81), new("gettid", 186, 178),
        new("readahead", 187, 213), new("getxattr", 191, 8), new("lgetxattr", 192, 9), new("fgetxattr", 193, 10),
        new("listxattr", 194, 11), new("llistxattr", 195, 12), new("flistxattr", 196, 13), new("tkill", 200, 130),
        new("time", 201, None), new("futex", 202, 98), new("sched_setaffinity", 203, 122),
        new("sched_getaffinity", 204, 123), new("epoll_create", 213, None), new("getdents64", 217, 61),
        new("set_tid_address", 218, 96), new("restart_syscall", 219, 128), new("fadvise64", 221, 223),
        new("timer_create", 222, 107), new("timer_settime", 223, 110), new("timer_gettime", 224, 108),
        new("timer_getoverrun", 225, 109), new("timer_delete", 226, 111), new("clock_gettime", 228, 113),
        new("clock_getres", 229, 114), new("clock_nanosleep", 230, 115), new("exit_group", 231, 94),
        new("epoll_wait", 232, None), new("epoll_ctl", 233, 21), new("tgkill", 234, 131), new("utimes", 235, None),
        new("waitid", 247, 95), new("inotify_init", 253, None), new("inotify_add_watch", 254, 27),
        new("inotify_rm_watch", 255, 28), new("openat", 257, 56), new("mkdirat", 258, 34), new("fchownat", 260, 54),
        new("futimesat", 261, None), new("newfstatat", 262, 79), new("unlinkat", 263, 35), new("renameat", 264, 38),
        new("linkat", 265, 37), new("symlinkat", 266, 36), new("readlinkat", 267, 78), new("fchmodat", 268, 53),
        new("faccessat", 269, 48), new("pselect6", 270, 72), new("ppoll", 271, 73), new("set_robust_list", 273, 99),
        new("get_robust_list", 274, 100), new("splice", 275, 76), new("tee", 276, 77),
        new("sync_file_range", 277, 84), new("utimensat", 280, 88), new("epoll_pwait", 281, 22),
        new("signalfd", 282, None), new("timerfd_create", 283, 85), new("eventfd", 284, None),
        new("fallocate", 285, 47), new("timerfd_settime", 286, 86), new("timerfd_gettime", 287, 87),
        new("accept4", 288, 242), new("signalfd4", 289, 74), new("eventfd2", 290, 19), new("epoll_create1", 291, 20),
        new("dup3", 292, 24), new("pipe2", 293, 59), new("inotify_init1", 294, 26), new("preadv", 295, 69),
        new("pwritev", 296, 70), new("rt_tgsigqueueinfo", 297, 240), new("recvmmsg", 299, 243),
        new("prlimit64", 302, 261), new("syncfs", 306, 267), new("sendmmsg", 307, 269), new("getcpu", 309, 168),
        new("sched_setattr", 314, 274), new("sched_getattr", 315, 275), new("renameat2", 316, 276),
        new("getrandom", 318, 278), new("memfd_create", 319, 279), new("execveat", 322, 281),
        new("membarrier", 324, 283), new("mlock2", 325, 284), new("copy_file_range", 326, 285),
        new("preadv2", 327, 286), new("pwritev2", 328, 287), new("pkey_mprotect", 329, 288),
        new("pkey_alloc", 330, 289), new("pkey_free", 331, 290), new("statx", 332, 291), new("rseq", 334, 293),
        new("pidfd_send_signal", 424, 424), new("pidfd_open", 434, 434), new("close_range", 436, 436),
        new("openat2", 437, 437), new("faccessat2", 439, 439), new("epoll_pwait2", 441, 441),
        new("futex_waitv", 449, 449),
    ];

    /// <summary>
    /// Answered EPERM: namespaces and mounts, other processes, kernel attack surface, clocks and names of the host, devices,
    /// IPC that outlives a process, ids, extended attributes. EPERM rather than ENOSYS because programs know to live with it.
    /// </summary>
    public static readonly Syscall[] Refused =
    [
        new("shmget", 29, 194), new("shmat", 30, 196), new("shmctl", 31, 195), new("semget", 64, 190),
        new("semop", 65, 193), new("semctl", 66, 191), new("shmdt", 67, 197), new("msgget", 68, 186),
        new("msgsnd", 69, 189), new("msgrcv", 70, 188), new("msgctl", 71, 187), new("ptrace", 101, 117),
        new("syslog", 103, 116), new("setuid", 105, 146), new("setgid", 106, 144), new("setreuid", 113, 145),
        new("setregid", 114, 143), new("setgroups", 116, 159), new("setresuid", 117, 147), new("setresgid", 119, 149),
        new("setfsuid", 122, 151), new("setfsgid", 123, 152), new("capset", 126, 91), new("mknod", 133, None),
        new("uselib", 134, None), new("ustat", 136, None), new("sysfs", 139, None), new("vhangup", 153, 58),
        new("modify_ldt", 154, None), new("pivot_root", 155, 41), new("_sysctl", 156, None),
        new("adjtimex", 159, 171), new("chroot", 161, 51), new("acct", 163, 89), new("settimeofday", 164, 170),
        new("mount", 165, 40), new("umount2", 166, 39), new("swapon", 167, 224), new("swapoff", 168, 225),
        new("reboot", 169, 142), new("sethostname", 170, 161), new("setdomainname", 171, 162), new("iopl", 172, None),
        new("ioperm", 173, None), new("create_module", 174, None), new("init_module", 175, 105),
        new("delete_module", 176, 106), new("get_kernel_syms", 177, None), new("query_module", 178, None),
        new("quotactl", 179, 60), new("nfsservctl", 180, 42), new("setxattr", 188, 5), new("lsetxattr", 189, 6),
        new("fsetxattr", 190, 7), new("removexattr", 197, 14), new("lremovexattr", 198, 15),
        new("fremovexattr", 199, 16), new("lookup_dcookie", 212, 18), new("remap_file_pages", 216, 234),
        new("semtimedop", 220, 192), new("clock_settime", 227, 112), new("mbind", 237, 235),
        new("set_mempolicy", 238, 237), new("get_mempolicy", 239, 236), new("mq_open", 240, 180),
        new("mq_unlink", 241, 181), new("mq_timedsend", 242, 182), new("mq_timedreceive", 243, 183),
        new("mq_notify", 244, 184), new("mq_getsetattr", 245, 185), new("kexec_load", 246, 104),
        new("add_key", 248, 217), new("request_key", 249, 218), new("keyctl", 250, 219),
        new("migrate_pages", 256, 238), new("mknodat", 259, 33), new("unshare", 272, 97), new("vmsplice", 278, 75),
        new("move_pages", 279, 239), new("perf_event_open", 298, 241), new("fanotify_init", 300, 262),
        new("fanotify_mark", 301, 263), new("name_to_handle_at", 303, 264), new("open_by_handle_at", 304, 265),
        new("clock_adjtime", 305, 266), new("setns", 308, 268), new("process_vm_readv", 310, 270),
        new("process_vm_writev", 311, 271), new("kcmp", 312, 272), new("finit_module", 313, 273),
        new("seccomp", 317, 277), new("kexec_file_load", 320, 294), new("bpf", 321, 280),
        new("userfaultfd", 323, 282), new("io_uring_setup", 425, 425), new("io_uring_enter", 426, 426),
        new("io_uring_register", 427, 427), new("open_tree", 428, 428), new("move_mount", 429, 429),
        new("fsopen", 430, 430), new("fsconfig", 431, 431), new("fsmount", 432, 432), new("fspick", 433, 433),
        new("pidfd_getfd", 438, 438), new("process_madvise", 440, 440), new("mount_setattr", 442, 442),
        new("quotactl_fd", 443, 443), new("landlock_create_ruleset", 444, 444), new("landlock_add_rule", 445, 445),
        new("landlock_restrict_self", 446, 446), new("process_mrelease", 448, 448),
        new("set_mempolicy_home_node", 450, 450),
    ];
}
