using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using SandboxHost.Isolation;
using SandboxHost.Isolation.Linux;
using SandboxHost.Sandboxes;

// Arguments: launcher, runtime directory, uid base, node, a directory. Starts three workers, freezes one, says so, and
// then does nothing until it is killed or its standard input ends.
if (!OperatingSystem.IsLinux())
{
    return 1;
}

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
    var up = new TaskCompletionSource();
    sandboxes.Add(await launcher.LaunchAsync(
        new SandboxSpec
        {
            Name = $"w{i}",
            Runtime = new SandboxRuntime("node", args[3], args[4], _ => ["-e", "console.log('up'); for (;;) {}"]),
            Environment = new Dictionary<string, string>(),
            HostDirectory = args[4],
            Limits = new SandboxLimits(256 << 20, 0.2),
            Output = _ => up.TrySetResult(),
        },
        CancellationToken.None));
    await up.Task;
}

sandboxes[0].Freeze();
Console.WriteLine("ready");
await Console.In.ReadToEndAsync();
return 0;
