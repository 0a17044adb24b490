// Makes one call of each kind that a sandbox must refuse, and some that it must allow; prints "name errno" for each.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *name, long result) { printf("%s %s\n", name, result >= 0 ? "DONE" : strerrorname_np(errno)); fflush(stdout); }
#define CALL(name, ...) say(#name, syscall(SYS_##name, __VA_ARGS__))

static void in_child(const char *name, long (*act)(void))
{
    pid_t child = fork();
    if (child == 0) { errno = 0; act(); _exit(errno); }
    int status;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) printf("%s SIG%s\n", name, sigabbrev_np(WTERMSIG(status)));
    else printf("%s %s\n", name, WEXITSTATUS(status) ? strerrorname_np(WEXITSTATUS(status)) : "DONE");
    fflush(stdout);
}

static long clone_user(void) { long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0); if (child == 0) _exit(0); return child; }
static long clone3_plain(void) { unsigned long a[11] = {0}; a[4] = SIGCHLD; long child = syscall(SYS_clone3, a, sizeof a); if (child == 0) _exit(0); return child; }
#ifdef __x86_64__
static long x32(void) { return syscall(0x40000000 | SYS_getpid); }
static long i386(void) { long r; __asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory"); return r; }
#endif

int main(void)
{
    char space[256] = {0};
    CALL(mount, "t", "/tmp", "tmpfs", 0, 0);
    CALL(umount2, "/proc", 2);
    CALL(pivot_root, "/tmp", "/tmp");
    CALL(chroot, "/tmp");
    CALL(fsopen, "tmpfs", 0);
    CALL(open_tree, AT_FDCWD, "/", 1);
    CALL(unshare, CLONE_NEWUSER);
    CALL(setns, 0, 0);
    CALL(ptrace, 16, 1, 0, 0);
    CALL(process_vm_readv, 1, 0, 0, 0, 0, 0);
    CALL(bpf, 0, space, 72);
    CALL(userfaultfd, 1);
    CALL(perf_event_open, space, 0, -1, -1, 0);
    CALL(io_uring_setup, 8, space);
    CALL(keyctl, 0, -3, 1, 0, 0);
    CALL(add_key, "user", "x", "y", 1, -3);
    CALL(kexec_load, 0, 0, 0, 0);
    CALL(init_module, 0, 0, "");
    CALL(open_by_handle_at, 0, space, 0);
    CALL(fanotify_init, 0, 0);
    CALL(syslog, 3, 0, 0);
    CALL(reboot, 0, 0, 0, 0);
    CALL(settimeofday, 0, 0);
    CALL(sethostname, "x", 1);
    CALL(mknodat, AT_FDCWD, "/tmp/dev", 0060600, 0x800);
    CALL(shmget, 0, 4096, 01600);
    CALL(mq_open, "x", O_CREAT | O_RDWR, 0600, 0);
    CALL(setuid, 0);
    CALL(setgroups, 0, 0);
    CALL(capset, space, space);
    CALL(seccomp, 0, 0, 0);
    in_child("clone-newuser", clone_user);
    in_child("clone3", clone3_plain);
#ifdef __x86_64__
    CALL(modify_ldt, 0, 0, 0);
    CALL(iopl, 3);
    in_child("x32", x32);
    in_child("i386", i386);
#endif
    say("personality", syscall(SYS_personality, 0x40000));
    say("AF_VSOCK", socket(AF_VSOCK, SOCK_STREAM, 0));
    say("AF_PACKET", socket(AF_PACKET, SOCK_RAW, 0));
    say("AF_ALG", socket(AF_ALG, SOCK_SEQPACKET, 0));
    say("netfilter", socket(AF_NETLINK, SOCK_RAW, 12));
    say("ping", socket(AF_INET, SOCK_DGRAM, 1));
    say("sctp", socket(AF_INET, SOCK_STREAM, 132));
    say("TIOCSTI", ioctl(0, TIOCSTI, "x"));
    int tcp = socket(AF_INET, SOCK_STREAM, 0);
    say("TCP_ULP", setsockopt(tcp, SOL_TCP, TCP_ULP, "tls", 3));
    struct rlimit more = {1 << 20, 1 << 20};
    say("more-files", setrlimit(RLIMIT_NOFILE, &more));
    say("realtime", sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){1}));
    int one = 1;
    say("allowed-tcp", tcp);
    say("allowed-nodelay", setsockopt(tcp, SOL_TCP, TCP_NODELAY, &one, sizeof one));
    say("allowed-unix", socket(AF_UNIX, SOCK_STREAM, 0));
    say("allowed-route", socket(AF_NETLINK, SOCK_RAW, 0));
    say("allowed-memfd", syscall(SYS_memfd_create, "x", 0));
    printf("no_new_privs %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    return 0;
}
