using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using SandboxHost.Isolation;
using SandboxHost.Isolation.Linux;
using SandboxHost.Sandboxes;

// Arguments: launcher, runtime directory, uid base, node, a directory. Starts three workers, freezes one, says so, and then
// does what the lines of its standard input ask for, until it is killed or they end: "report" prints what the host can do,
// "bomb" how a worker ended that took more memory than it may. An answer ends with a line "end".
if (!OperatingSystem.IsLinux())
{
    return 1;
}

const long BombLimit = 96 << 20;
var options = new IsolationOptions
{
    LauncherPath = args[0],
    RuntimeDirectory = args[1],
    UidBase = uint.Parse(args[2], CultureInfo.InvariantCulture),
};
await using var launcher = await LinuxSandboxLauncher.CreateAsync(
    options, TimeProvider.System, NullLogger<LinuxSandboxLauncher>.Instance, CancellationToken.None);
var sandboxes = new List<ISandbox>();
for (var i = 0; i < 3; i++)
{
    var (sandbox, up) = await LaunchAsync($"w{i}", "console.log('up'); for (;;) {}", 256 << 20);
    sandboxes.Add(sandbox);
    await up;
    sandbox.SetLimits(new SandboxLimits(256 << 20, 0.2));
}

sandboxes[0].Freeze();
Console.WriteLine("ready");
while (await Console.In.ReadLineAsync() is { } command)
{
    switch (command)
    {
        case "report":
            foreach (var row in launcher.Capabilities.Report.Rows)
            {
                Console.WriteLine($"{row.Status} {row.Name}: {row.Found}");
            }

            break;
        case "bomb":
            var (bomb, _) = await LaunchAsync("bomb", "const a = []; for (let i = 0; i < 40; i++) a.push(Buffer.alloc(4 << 20, 1));", BombLimit);
            var exit = await bomb.Exited;
            Console.WriteLine($"{exit.Reason} limit {exit.MemoryLimitBytes} peak {exit.PeakMemoryBytes}");
            await bomb.DisposeAsync();
            break;
    }

    Console.WriteLine("end");
}

return 0;

async Task<(ISandbox Sandbox, Task Up)> LaunchAsync(string name, string script, long memory)
{
    var up = new TaskCompletionSource();
    var spec = new SandboxSpec
    {
        Name = name,
        Runtime = new SandboxRuntime("node", args[3], args[4], _ => ["-e", script]),
        Environment = new Dictionary<string, string>(),
        HostDirectory = args[4],
        Limits = new SandboxLimits(memory, null),
        Output = _ => up.TrySetResult(),
    };
    return (await launcher.LaunchAsync(spec, CancellationToken.None), up.Task);
}
