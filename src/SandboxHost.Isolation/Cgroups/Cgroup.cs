using System.Globalization;
using SandboxHost.Isolation.Linux;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Cgroups;

/// <summary>The groups of one sandbox, one in every hierarchy that is used; together they look like one group.</summary>
internal sealed class Cgroup
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan RemovalLimit = TimeSpan.FromSeconds(10);

    private readonly ICgroupFiles _files;
    private readonly CgroupChoice _choice;
    private readonly string _name;
    private readonly Lock _gate = new();
    private SandboxLimits _limits;
    private string? _patientGroup;
    private bool _killed;

    private Cgroup(ICgroupFiles files, CgroupChoice choice, string name, SandboxLimits limits, string? patientGroup)
    {
        _files = files;
        _choice = choice;
        _name = name;
        _limits = limits;
        _patientGroup = patientGroup;
        Directories = [.. choice.Used.Select(root => root.Directory + "/" + name)];
        var later = choice.JoinedLater;
        IsGathered = later.Count == 0;
        JoinFiles =
        [
            .. choice.Used.Except(later).Select(root =>
                (root == choice.Cpu && patientGroup is not null ? patientGroup : root.Directory + "/" + name) + "/" + root.JoinFile),
        ];
    }

    /// <summary>Where its processes are counted and limited.</summary>
    public IReadOnlyList<string> Directories { get; }

    /// <summary>What its first process writes a 0 to before it runs anything else. For its other groups there is <see cref="Gather"/>.</summary>
    public IReadOnlyList<string> JoinFiles { get; }

    /// <summary>Whether its processes are in all of its groups; see <see cref="Gather"/>.</summary>
    public bool IsGathered { get; private set; }

    public long MemoryLimitBytes => _limits.MemoryBytes;

    /// <summary>Makes the groups and sets their limits. Nothing is left when it throws.</summary>
    /// <param name="patientGroup">Where its processes wait for processors until <see cref="EndPatience"/>; null for none.</param>
    public static Cgroup Create(ICgroupFiles files, CgroupChoice choice, string name, SandboxLimits limits, string? patientGroup)
    {
        var cgroup = new Cgroup(files, choice, name, limits, patientGroup);
        var made = new List<string>();
        try
        {
            foreach (var directory in cgroup.Directories)
            {
                if (files.CreateDirectory(directory) is not 0 and var errno)
                {
                    throw LibC.Failure("cgroup: making", directory, errno);
                }

                made.Add(directory);
            }

            cgroup.Apply(CgroupValues.Initial(choice, limits));
        }
        catch
        {
            foreach (var directory in made)
            {
                _ = files.RemoveDirectory(directory);
            }

            throw;
        }

        return cgroup;
    }

    public void SetLimits(SandboxLimits limits)
    {
        lock (_gate)
        {
            Apply(CgroupValues.Changes(_choice, _limits, limits));
            _limits = limits;
        }
    }

    /// <summary>
    /// Moves a process that was started, and what it has started, into the groups that it did not join by itself. Blocks for as long
    /// as the kernel takes (see <see cref="CgroupRoot.IsJoinedAtOnce"/>), as does <see cref="EndPatience"/>.
    /// </summary>
    /// <exception cref="SandboxException">The kernel refused.</exception>
    public void Gather(int processId)
    {
        lock (_gate)
        {
            if (IsGathered)
            {
                return;
            }

            foreach (var group in _choice.JoinedLater.Select(root => root.Directory + "/" + _name))
            {
                // It may not be listed yet: then it has started nothing, and what it starts later is where it is.
                MoveUnlessEnded(processId, group, () => _files.Exists($"/proc/{processId}"));
                MoveAllTo(group);
            }

            IsGathered = true;
            if (_killed && _choice.Kill is { } kill)
            {
                _files.Write(PathIn(kill, "cgroup.kill"), "1");
            }
        }
    }

    /// <summary>Gives its processes the place among all others that its limits say. Idempotent.</summary>
    /// <exception cref="SandboxException">The kernel refused.</exception>
    public void EndPatience()
    {
        lock (_gate)
        {
            if (_patientGroup is null)
            {
                return;
            }

            MoveAllTo(_choice.Cpu!.Directory + "/" + _name);
            _patientGroup = null;
        }
    }

    /// <summary>Stops every process; none is stopped any more once they were killed.</summary>
    public void Freeze()
    {
        lock (_gate)
        {
            // A v1 freezer would hold back the signal that is on its way.
            if (!_killed)
            {
                SetFrozen("1", "FROZEN");
            }
        }
    }

    public void Thaw()
    {
        lock (_gate)
        {
            SetFrozen("0", "THAWED");
        }
    }

    /// <summary>Kills every process, frozen or not.</summary>
    public void Kill()
    {
        lock (_gate)
        {
            _killed = true;
            if (_choice.Kill is { } kill)
            {
                _files.Write(PathIn(kill, "cgroup.kill"), "1");
                if (!IsGathered)
                {
                    KillListed();
                }

                return;
            }

            // Frozen, no process can fork away from being listed; a v1 freezer must let go again for the signal to arrive.
            SetFrozen("1", "FROZEN");
            KillListed();
            SetFrozen("0", "THAWED");
            KillListed();
        }
    }

    public bool Contains(int processId) =>
        Directories.Count == 0 || ProcessIds(Directories[0]).Contains(processId);

    public SandboxUsage ReadUsage() => new(
        ReadNumber(_choice.Memory, "memory.current", "memory.usage_in_bytes"),
        ReadNumber(_choice.Memory, "memory.peak", "memory.max_usage_in_bytes"),
        ReadCpu(),
        (int)ReadNumber(_choice.Pids, "pids.current"));

    /// <summary>Memory that the kernel could not take back. Files in tmpfs are among it, cached ones are not.</summary>
    public long ReadHeldMemory(long enough)
    {
        if (_choice.Memory is not { } memory)
        {
            return 0;
        }

        var used = ReadNumber(memory, "memory.current", "memory.usage_in_bytes");
        if (used <= enough)
        {
            return used;
        }

        var statistics = ReadFirst(memory, ["memory.stat"]);
        // A v1 group counts its children in fields of their own.
        var prefix = statistics.Contains("total_", StringComparison.Ordinal) ? "total_" : "";
        var cached = FieldOf(statistics, prefix + "active_file") + FieldOf(statistics, prefix + "inactive_file");
        return Math.Max(0, used - cached);
    }

    /// <summary>How many processes the kernel killed for memory. Not failcnt, which counts mere pressure and may stay 0.</summary>
    public long ReadOutOfMemoryKills() => ReadField(_choice.Memory, "oom_kill", "memory.events", "memory.oom_control");

    /// <summary>How many processes and threads the kernel refused to start for the pids limit.</summary>
    public long ReadRefusedProcesses() => ReadField(_choice.Pids, "max", "pids.events");

    /// <summary>
    /// Removes the groups. The kernel says EBUSY until the last process is gone and reaped, which comes a moment after its
    /// death, so this tries again for a while.
    /// </summary>
    public async Task RemoveAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        foreach (var directory in Directories)
        {
            await RemoveAsync(_files, directory, time, cancellationToken);
        }
    }

    /// <summary>Removes one group; see the other overload.</summary>
    public static async Task RemoveAsync(ICgroupFiles files, string directory, TimeProvider time, CancellationToken cancellationToken)
    {
        var start = time.GetTimestamp();
        var delay = FirstRetry;
        while (true)
        {
            var errno = files.RemoveDirectory(directory);
            if (errno is 0 or LibC.ErrnoNoEntry)
            {
                return;
            }

            if (errno != LibC.ErrnoBusy || time.GetElapsedTime(start) > RemovalLimit)
            {
                throw LibC.Failure("cgroup: removing", directory, errno);
            }

            await Task.Delay(delay, time, cancellationToken);
            delay = delay * 2 < LongestRetry ? delay * 2 : LongestRetry;
        }
    }

    private static TimeSpan FromNanoseconds(long nanoseconds) => TimeSpan.FromTicks(nanoseconds / 100);

    private void MoveAllTo(string group)
    {
        var counted = _choice.Memory!.Directory + "/" + _name;
        var moved = new HashSet<int>();

        // What is forked meanwhile has its parent's group, and is found in the next round.
        while (ProcessIds(counted).Where(moved.Add).ToList() is { Count: > 0 } processes)
        {
            foreach (var process in processes)
            {
                MoveUnlessEnded(process, group, () => ProcessIds(counted).Contains(process));
            }
        }
    }

    private void MoveUnlessEnded(int processId, string group, Func<bool> lives)
    {
        try
        {
            _files.Write(group + "/cgroup.procs", processId.ToString(CultureInfo.InvariantCulture));
        }
        catch (SandboxException) when (!lives())
        {
            // It has ended.
        }
    }

    private void Apply(IEnumerable<CgroupWrite> writes)
    {
        foreach (var write in writes)
        {
            _files.Write(PathIn(write.Root, write.File), write.Text);
        }
    }

    private void SetFrozen(string unified, string legacy)
    {
        if (_choice.Freezer is { } freezer)
        {
            var isUnified = freezer.Has("cgroup.freeze");
            _files.Write(PathIn(freezer, isUnified ? "cgroup.freeze" : "freezer.state"), isUnified ? unified : legacy);
        }
    }

    private void KillListed()
    {
        // Twice as a rule: without a freezer, a process may have forked while the list was read.
        for (var round = 0; round < 8; round++)
        {
            var processes = Directories.SelectMany(ProcessIds).ToHashSet();
            foreach (var process in processes)
            {
                _files.Kill(process);
            }

            if (processes.Count == 0 || (IsGathered && _choice.Freezer is not null))
            {
                return;
            }
        }
    }

    private IEnumerable<int> ProcessIds(string directory) =>
        (_files.TryRead(directory + "/cgroup.procs") ?? "")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => int.Parse(line, CultureInfo.InvariantCulture));

    private TimeSpan ReadCpu() => _choice.CpuTime?.Has("cpuacct.usage") == true
        ? FromNanoseconds(ReadNumber(_choice.CpuTime, "cpuacct.usage"))
        : TimeSpan.FromMicroseconds(ReadField(_choice.CpuTime, "usage_usec", "cpu.stat"));

    /// <summary>The number in the first of the files that a group there has; 0 without one.</summary>
    private long ReadNumber(CgroupRoot? root, params ReadOnlySpan<string> files) =>
        long.TryParse(ReadFirst(root, files), out var value) ? value : 0;

    /// <summary>The number behind a name in the first of the files that a group there has; 0 without one.</summary>
    private long ReadField(CgroupRoot? root, string field, params ReadOnlySpan<string> files) => FieldOf(ReadFirst(root, files), field);

    private static long FieldOf(string text, string field)
    {
        foreach (var line in text.Split('\n'))
        {
            if (line.StartsWith(field + " ", StringComparison.Ordinal) && long.TryParse(line[(field.Length + 1)..], out var value))
            {
                return value;
            }
        }

        return 0;
    }

    private string ReadFirst(CgroupRoot? root, ReadOnlySpan<string> files)
    {
        foreach (var file in files)
        {
            if (root?.Has(file) == true)
            {
                return _files.TryRead(PathIn(root, file)) ?? "";
            }
        }

        return "";
    }

    private string PathIn(CgroupRoot root, string file) => root.Directory + "/" + _name + "/" + file;
}
