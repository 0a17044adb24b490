using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Linux;

public sealed class ExitReadingTests
{
    private static readonly ExitReading Plain = new()
    {
        Code = 0,
        Ran = true,
        KilledByHost = false,
        OutOfMemoryKills = 0,
        MemoryLimitBytes = 1000,
        PeakMemoryBytes = 900,
        FirstLines = [],
        FatalLine = null,
        RefusedProcesses = 0,
    };

    [Fact]
    public void A_code_is_an_exit() => Assert.Equal(new SandboxExit(SandboxExitReason.Exited, 3, 0, 1000, 900), (Plain with { Code = 3 }).Explain());

    [Fact]
    public void A_code_above_128_is_a_signal() =>
        Assert.Equal(new SandboxExit(SandboxExitReason.Signalled, 0, 6, 1000, 900), (Plain with { Code = 134 }).Explain());

    [Fact]
    public void SIGKILL_with_a_kill_for_memory_is_out_of_memory()
    {
        var exit = (Plain with { Code = 137, OutOfMemoryKills = 1, Ran = false }).Explain();
        Assert.Equal((SandboxExitReason.OutOfMemory, 9, 1000, 900), (exit.Reason, exit.Signal, exit.MemoryLimitBytes, exit.PeakMemoryBytes));
    }

    [Fact]
    public void SIGKILL_without_one_is_a_signal_even_when_bubblewrap_was_hit() =>
        Assert.Equal(SandboxExitReason.Signalled, (Plain with { Code = 137, Ran = false }).Explain().Reason);

    [Fact]
    public void What_the_host_killed_was_killed_by_the_host() =>
        Assert.Equal(SandboxExitReason.Killed, (Plain with { Code = 137, OutOfMemoryKills = 1, KilledByHost = true, Ran = false }).Explain().Reason);

    [Fact]
    public void A_child_killed_for_memory_is_told_along()
    {
        var exit = (Plain with { Code = 1, OutOfMemoryKills = 2 }).Explain();
        Assert.Equal((SandboxExitReason.Exited, 1), (exit.Reason, exit.Code));
        Assert.StartsWith("2 of its processes", exit.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_runtime_said_as_it_gave_up_is_told_along_with_the_signal() => Assert.Equal(
        (SandboxExitReason.Signalled, 6, "FATAL ERROR: no heap"),
        (Plain with { Code = 134, FatalLine = "FATAL ERROR: no heap" }).Explain() is var exit ? (exit.Reason, exit.Signal, exit.Detail) : default);

    [Fact]
    public void Processes_that_were_refused_are_told_along_whatever_the_end()
    {
        var refused = Plain with { RefusedProcesses = 3, OutOfMemoryKills = 1 };
        Assert.All(
            new[] { refused, refused with { Code = 137 }, refused with { KilledByHost = true }, refused with { Ran = false } },
            reading => Assert.Equal(3, reading.Explain().RefusedProcesses));
    }

    [Theory]
    [InlineData(125, false, "sandboxhost-launcher: cgroup: /x: errno 2 (ENOENT)")]
    [InlineData(1, false, "bwrap: setting up uid map: Permission denied")]
    [InlineData(1, true, "bwrap: execvp /usr/bin/node: No such file or directory")]
    public void Failures_before_the_worker_are_failed_launches(int code, bool ran, string line)
    {
        var exit = (Plain with { Code = code, Ran = ran, FirstLines = [line] }).Explain();
        Assert.Equal(SandboxExitReason.LaunchFailed, exit.Reason);
        Assert.Contains(line, exit.Detail);
    }

    [Theory]
    [InlineData(125)]
    [InlineData(1)]
    public void A_worker_that_ends_with_such_a_code_is_an_exit(int code) =>
        Assert.Equal(SandboxExitReason.Exited, (Plain with { Code = code, FirstLines = ["bwrap: I am not"] }).Explain().Reason);

    [Theory]
    [InlineData("", 0, false)]
    [InlineData("{ \"child-pid\": 12 }\n", 12, false)]
    [InlineData("{ \"child-pid\": 12 }\n{ \"exit-code\": 0 }\n", 12, true)]
    [InlineData("{ \"child-pid\": 12 }\n{ \"exit-", 12, false)]
    public void Report_is_read_as_far_as_it_goes(string text, int child, bool ran) =>
        Assert.Equal(new SandboxReport(child, ran), SandboxReport.Parse(text));
}
