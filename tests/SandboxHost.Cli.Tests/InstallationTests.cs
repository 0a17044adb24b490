using SandboxHost.Server;

namespace SandboxHost.Cli.Tests;

/// <summary>Where the command looks for what it starts.</summary>
public sealed class InstallationTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TimedFact]
    public void A_command_in_a_package_takes_the_package()
    {
        _folder.Write("host/sandboxhost", "");
        _folder.Write("runners/node/runner.cjs", "");
        _folder.Write("launcher/sandboxhost-launcher", "");

        // .NET ends a program's directory with a separator.
        var files = Installation.Find(home: null, _folder.File("host") + "/");

        Assert.Equal(HostFiles.InPackage(_folder.Path), files);
        Assert.Equal(_folder.File("launcher/sandboxhost-launcher"), files!.Launcher);
        Assert.Contains("Node is not at runtimes/node_modules/", files.Missing().First());
        Assert.EndsWith("unpack the package again.", files.Missing().First());
    }

    [TimedFact]
    public void A_command_that_was_built_in_the_repository_takes_what_was_built_there()
    {
        _folder.Write("SandboxHost.sln", "");
        _folder.Write("artifacts/bin/SandboxHost.Cli/release/sandboxhost.dll", "");
        _folder.Write("artifacts/runners/node/runner.cjs", "");
        _folder.Write("artifacts/launcher/sandboxhost-launcher", "");

        var files = Installation.Find(home: null, _folder.File("artifacts/bin/SandboxHost.Cli/release") + "/");

        Assert.Equal(HostFiles.InRepository(_folder.Path), files);
        Assert.Equal(_folder.File("artifacts/launcher/sandboxhost-launcher"), files!.Launcher);
    }

    [TimedFact]
    public void What_the_user_says_goes_first()
    {
        _folder.Write("SandboxHost.sln", "");

        Assert.Equal(HostFiles.InRepository(_folder.Path), Installation.Find(_folder.Path, "/elsewhere/host/"));
        Assert.Equal(HostFiles.InPackage("/opt/sandboxhost"), Installation.Find("/opt/sandboxhost", "/elsewhere/host/"));
    }

    [TimedFact]
    public void A_command_that_lies_alone_finds_nothing() => Assert.Null(Installation.Find(home: null, _folder.Path));
}
