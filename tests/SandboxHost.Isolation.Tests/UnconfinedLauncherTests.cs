using Microsoft.Extensions.Logging.Abstractions;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation;

public sealed class UnconfinedLauncherTests
{
    private readonly UnconfinedLauncher _launcher = new(TimeProvider.System, NullLogger<UnconfinedLauncher>.Instance);
    private readonly TestLines _lines = new();

    [TimedFact]
    public async Task Paths_inside_become_the_hosts_and_the_environment_says_where_things_are()
    {
        await using var sandbox = await _launcher.LaunchAsync(
            Spec("-c", "pwd; echo $SANDBOXHOST_FUNCTION_DIR; echo $SANDBOXHOST_RUNNER_DIR; echo $SANDBOXHOST_HOST_DIR; echo $MINE; echo $1; echo $2; exit 3",
                "sh", "/runner/main.mjs", "--import=/run/host/x"),
            CancellationToken.None);

        var exit = await sandbox.Exited;

        Assert.Equal((SandboxExitReason.Exited, 3), (exit.Reason, exit.Code));
        Assert.Equal(
            [sandbox.FunctionDirectory, sandbox.FunctionDirectory, "/opt/runner", "/var/host", "yes", "/opt/runner/main.mjs", "--import=/var/host/x"],
            _lines.All);
    }

    [TimedFact]
    public async Task Killing_ends_the_whole_tree()
    {
        var sandbox = await _launcher.LaunchAsync(Spec("-c", "sh -c 'echo child $$; while :; do :; done'; :"), CancellationToken.None);
        var child = int.Parse((await _lines.WaitForAsync("child")).Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);

        sandbox.Kill();
        sandbox.Kill();

        Assert.Equal(SandboxExitReason.Killed, (await sandbox.Exited).Reason);
        await sandbox.DisposeAsync();
        await sandbox.DisposeAsync();
        sandbox.Kill();
        Assert.False(Directory.Exists(sandbox.FunctionDirectory));
        await Eventually.TrueAsync(() => IsGone(child), TimeSpan.FromSeconds(5), "the child is gone");
    }

    [TimedFact]
    public async Task Program_that_is_not_there_is_a_failed_launch_at_once()
    {
        var spec = Spec("x");
        spec = spec with { Runtime = spec.Runtime with { Executable = "/nowhere/node" } };

        var failure = await Assert.ThrowsAsync<SandboxException>(async () => await _launcher.LaunchAsync(spec, CancellationToken.None));

        Assert.Contains("/nowhere/node", failure.Message);
    }

    private static bool IsGone(int process) =>
        !File.Exists($"/proc/{process}/status") || File.ReadAllText($"/proc/{process}/status").Contains("State:\tZ", StringComparison.Ordinal);

    private SandboxSpec Spec(params string[] arguments) => new()
    {
        Name = "plain",
        Runtime = new SandboxRuntime("sh", "/bin/sh", "/opt/runner", _ => arguments),
        Environment = new Dictionary<string, string> { ["MINE"] = "yes" },
        HostDirectory = "/var/host",
        Limits = new SandboxLimits(1 << 20, null),
        Output = _lines.Add,
    };
}
