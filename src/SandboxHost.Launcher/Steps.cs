using System.Runtime.InteropServices;

namespace SandboxHost.Launcher;

/// <summary>
/// The steps, in the order of the plan. The host writes them in the only order that works: cgroups before anything of the
/// tenant's can run, mounts and files while still root, the uid last but for what must be done as that uid.
/// </summary>
internal sealed unsafe class Steps(PlanReader plan)
{
    private const int DieWithParent = 1;
    private const int NoNewPrivileges = 38;
    private const int SigKill = 9;

    public void Run()
    {
        while (!plan.AtEnd)
        {
            var step = plan.NextText();
            switch (step)
            {
                case "parent": Guard(plan.NextNumber()); break;
                case "cgroup": WriteFile(step, plan.NextWord(), "0"u8); break;
                case "oom-score": WriteOomScore(plan.NextWord()); break;
                case "empty-core-dumps": EmptyCoreDumps(); break;
                case "stage": Stage(plan.NextWord()); break;
                case "bind-directory": BindDirectory(plan.NextWord(), plan.NextWord()); break;
                case "tmpfs": MountTmpfs(plan.NextWord(), plan.NextWord()); break;
                case "bind-file": BindFile(plan.NextWord(), plan.NextWord()); break;
                case "limit": Limit(plan.NextNumber(), plan.NextNumber()); break;
                case "clean": Clean(); break;
                case "file": OpenAs(plan.NextNumber(), plan.NextWord(), Kernel.OpenReadOnly); break;
                case "report": OpenAs(plan.NextNumber(), plan.NextWord(), Kernel.OpenWriteOnly | Kernel.OpenCreate | Kernel.OpenTruncate); break;
                case "words": Words(plan.NextNumber(), plan.NextNumber()); break;
                case "identity": TakeIdentity((uint)plan.NextNumber()); break;
                case "no-new-privileges": Check(Kernel.Process(NoNewPrivileges, 1), step, "prctl"); break;
                case "execute": Execute(plan.NextNumber()); break;
                default: throw new StepFailure("plan", step, 22);
            }
        }

        throw new StepFailure("plan", "has no execute", 22);
    }

    /// <summary>
    /// Ties this process to the host's life. Said again after the uid changed, because that clears it; and the parent is
    /// looked at each time, because it may have died in between (prctl(2), PR_SET_PDEATHSIG).
    /// </summary>
    private static void Guard(long parent)
    {
        Check(Kernel.Process(DieWithParent, SigKill), "parent", "prctl");
        if (Kernel.ParentProcess() != parent)
        {
            throw new StepFailure("parent", "the host is gone", 3);
        }
    }

    private static void WriteOomScore(byte* score)
    {
        fixed (byte* path = "/proc/self/oom_score_adj\0"u8)
        {
            WriteFile("oom-score", path, MemoryMarshal.CreateReadOnlySpanFromNullTerminated(score));
        }
    }

    /// <summary>
    /// No memory in core dumps, of this process and of all that come from it; see core(5). Unlike PR_SET_DUMPABLE it stays
    /// over execve, and unlike RLIMIT_CORE it holds when dumps are piped to a program.
    /// </summary>
    private static void EmptyCoreDumps()
    {
        fixed (byte* path = "/proc/self/coredump_filter\0"u8)
        {
            WriteFile("empty-core-dumps", path, "0"u8);
        }
    }

    /// <summary>
    /// A mount namespace of this process's own, with an empty directory in it where sources are put that the worker's uid
    /// could not reach where they are. Slave, not private: what the host unmounts must not stay busy here.
    /// </summary>
    private static void Stage(byte* directory)
    {
        const long Recursive = 0x4000, Slave = 0x80000, NoSetUid = 2, NoDevices = 4;

        Check(Kernel.UnshareMounts(), "stage", "unshare");
        fixed (byte* root = "/\0"u8, tmpfs = "tmpfs\0"u8, options = "mode=0755,size=64k\0"u8)
        {
            Check(Kernel.Mount(null, root, null, Recursive | Slave, null), "stage", "/");
            Check(Kernel.Mount(tmpfs, directory, tmpfs, NoSetUid | NoDevices, options), "stage", directory);
        }
    }

    private static void BindDirectory(byte* source, byte* target)
    {
        Check(Kernel.MakeDirectory(target, 0x1ED), "bind-directory", target); // 0755
        Bind(source, target);
    }

    /// <summary>A file system in memory with bounds that bubblewrap has no words for.</summary>
    private static void MountTmpfs(byte* target, byte* options)
    {
        const long NoSetUid = 2, NoDevices = 4;

        Check(Kernel.MakeDirectory(target, 0x1ED), "tmpfs", target); // 0755
        fixed (byte* tmpfs = "tmpfs\0"u8)
        {
            Check(Kernel.Mount(tmpfs, target, tmpfs, NoSetUid | NoDevices, options), "tmpfs", target);
        }
    }

    private static void BindFile(byte* source, byte* target)
    {
        var file = Kernel.Open(target, Kernel.OpenWriteOnly | Kernel.OpenCreate | Kernel.OpenCloseOnExec, 0x1A4); // 0644
        Check(file, "bind-file", target);
        Kernel.Close(file);
        Bind(source, target);
    }

    private static void Bind(byte* source, byte* target)
    {
        const long BindFlag = 0x1000, Recursive = 0x4000;
        Check(Kernel.Mount(source, target, null, BindFlag | Recursive, null), "bind", source);
    }

    private static void Limit(long resource, long value)
    {
        const int NotPermitted = 1;

        // Only root may raise a limit. A host that is not root and has less itself leaves its workers with as little.
        if (Kernel.SetLimit((int)resource, (ulong)value) < 0 && Kernel.LastError != NotPermitted)
        {
            throw new StepFailure("limit", "RLIMIT number " + resource, Kernel.LastError);
        }
    }

    /// <summary>Undoes what a child inherits: ignored signals, the mask, every descriptor but the first three.</summary>
    private static void Clean()
    {
        for (var signal = 1; signal <= 64; signal++)
        {
            // SIGKILL and SIGSTOP refuse, and need nothing.
            _ = Kernel.SetSignalDefault(signal);
        }

        Check(Kernel.UnblockAllSignals(), "clean", "signal mask");
        Check(Kernel.CloseOnExecFrom(3), "clean", "descriptors");
        Kernel.Umask(0x3F); // 077
        fixed (byte* nothing = "/dev/null\0"u8)
        {
            OpenAs(0, nothing, Kernel.OpenReadOnly);
        }
    }

    private static void OpenAs(long descriptor, byte* path, int flags)
    {
        var file = Kernel.Open(path, flags | Kernel.OpenCloseOnExec, 0x180); // 0600
        Check(file, "open", path);
        Move(file, (int)descriptor, "open");
    }

    /// <summary>Gives a descriptor the number that the plan says; from there it survives execve.</summary>
    private static void Move(int file, int descriptor, string step)
    {
        if (file == descriptor)
        {
            Check(Kernel.KeepOnExec(file), step, "fcntl");
            return;
        }

        Check(Kernel.Duplicate(file, descriptor), step, "dup3");
        Kernel.Close(file);
    }

    /// <summary>Makes a descriptor that reads as the next words: bubblewrap's arguments, with the worker's environment.</summary>
    private void Words(long descriptor, long count)
    {
        var bytes = plan.NextBytes(count);
        fixed (byte* name = "arguments\0"u8, content = bytes)
        {
            var file = Kernel.MemoryFile(name);
            Check(file, "words", "memfd_create");
            for (long written = 0; written < bytes.Length;)
            {
                var step = Kernel.Write(file, content + written, bytes.Length - written);
                Check(step, "words", "write");
                written += step;
            }

            Check(Kernel.SeekToStart(file), "words", "lseek");
            Move(file, (int)descriptor, "words");
        }
    }

    private static void TakeIdentity(uint id)
    {
        Check(Kernel.DropGroups(), "identity", "setgroups");
        Check(Kernel.SetGid(id), "identity", "setresgid " + id);
        Check(Kernel.SetUid(id), "identity", "setresuid " + id);
    }

    private void Execute(long count)
    {
        var arguments = (byte**)NativeMemory.AllocZeroed((nuint)(count + 1), (nuint)sizeof(byte*));
        for (long i = 0; i < count; i++)
        {
            arguments[i] = plan.NextWord();
        }

        // One stream from here on: order between the two is kept, and the host reads one pipe.
        Check(Kernel.Duplicate(1, 2), "execute", "dup3");

        // No environment: what the host has in its own is none of the worker's business.
        byte* environment = null;
        Check(Kernel.Execute(arguments[0], arguments, &environment), "execute", arguments[0]);
    }

    private static void WriteFile(string step, byte* path, ReadOnlySpan<byte> text)
    {
        var file = Kernel.Open(path, Kernel.OpenWriteOnly | Kernel.OpenCloseOnExec);
        Check(file, step, path);
        fixed (byte* bytes = text)
        {
            Check(Kernel.Write(file, bytes, text.Length), step, path);
        }

        Kernel.Close(file);
    }

    private static void Check(long result, string step, byte* path)
    {
        if (result < 0)
        {
            var errno = Kernel.LastError;
            throw new StepFailure(step, PlanReader.TextOf(path), errno);
        }
    }

    private static void Check(long result, string step, string what)
    {
        if (result < 0)
        {
            throw new StepFailure(step, what, Kernel.LastError);
        }
    }
}
