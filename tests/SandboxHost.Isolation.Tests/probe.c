// Makes the system calls that a file lists, "name number arg0 … arg5" a line, each in a child of its own, and some that
// need memory or assembly. Prints "name answer" for each: DONE, an errno's name, or SIG and a signal's.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static void answer(const char *name, int error) { printf("%s %s\n", name, error ? strerrorname_np(error) : "DONE"); }

static void in_child(const char *name, long (*act)(unsigned long *), unsigned long *arguments)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(5); // A call that was let through may wait for ever.
        long result = act(arguments);
        _exit(result < 0 ? errno : 0);
    }
    int status;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) printf("%s SIG%s\n", name, sigabbrev_np(WTERMSIG(status)));
    else answer(name, WEXITSTATUS(status));
}

static long listed(unsigned long *a) { return syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]); }
static long clone3_plain(unsigned long *a) { unsigned long fork_like[11] = {0}; (void)a; fork_like[4] = SIGCHLD; return syscall(SYS_clone3, fork_like, sizeof fork_like); }
static long more_files(unsigned long *a) { struct rlimit more = {1 << 20, 1 << 20}; (void)a; return setrlimit(RLIMIT_NOFILE, &more); }
static long real_time(unsigned long *a) { struct sched_param first = {1}; (void)a; return sched_setscheduler(0, SCHED_FIFO, &first); }
static long no_delay(unsigned long *a) { int on = 1; (void)a; return setsockopt(socket(AF_INET, SOCK_STREAM, 0), SOL_TCP, TCP_NODELAY, &on, sizeof on); }
static long memory_file(unsigned long *a) { (void)a; return syscall(SYS_memfd_create, "x", 0); }
static long core_dump(unsigned long *a) { (void)a; abort(); }
#ifdef __x86_64__
static long i386(unsigned long *a) { long r; (void)a; __asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory"); return r; }
#endif

int main(int count, char **arguments)
{
    FILE *cases = fopen(count > 1 ? arguments[1] : "", "r");
    if (!cases) { perror("cases"); return 1; }
    char name[64];
    unsigned long a[7];
    while (fscanf(cases, "%63s %lu %lu %lu %lu %lu %lu %lu", name, &a[0], &a[1], &a[2], &a[3], &a[4], &a[5], &a[6]) == 8)
        in_child(name, listed, a);
    in_child("clone3", clone3_plain, a);
    in_child("more-files", more_files, a);
    in_child("real-time", real_time, a);
    in_child("no-delay", no_delay, a);
    in_child("memory-file", memory_file, a);
    in_child("core-dump", core_dump, a);
#ifdef __x86_64__
    in_child("i386", i386, a);
#endif
    printf("no-new-privileges %d\nseccomp %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
    return 0;
}
