using SandboxHost.Isolation.Cgroups;

namespace SandboxHost.Isolation.Linux;

/// <summary>Where an instance of the host keeps what. Names; nothing is made here.</summary>
internal sealed record HostDirectories(string Root, int Instance)
{
    public const int MaxInstances = 256;
    private const string Prefix = "sandboxhost";

    public string Directory => $"{Root}/{Instance}";

    public string LockPath => Directory + "/lock";

    /// <summary>The cgroup directories of the instance, one a line, for whoever sweeps.</summary>
    public string GroupListPath => Directory + "/cgroups";

    public string SeccompPath => Directory + "/seccomp.bpf";

    public string Etc => Directory + "/etc";

    public string Empty => Directory + "/empty";

    /// <summary>Holds the socket that workers dial; they see this directory and nothing beside it.</summary>
    public string Link => Directory + "/link";

    public string Stage => Directory + "/stage";

    public string Sandboxes => Directory + "/sandboxes";

    public string GroupName => $"{CgroupTree.NamePrefix}{Instance}";

    public string SandboxDirectory(string name) => Sandboxes + "/" + name;

    public string FunctionDirectory(string name) => SandboxDirectory(name) + "/function";

    public string ReportPath(string name) => SandboxDirectory(name) + "/report";

    /// <summary>Removes a directory with all in it. One that somebody else removed already is as good.</summary>
    public static void Remove(string path)
    {
        try
        {
            System.IO.Directory.Delete(path, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // A cleaner of temp directories was here; nothing is left to do.
        }
    }

    /// <summary>The directory of all instances of one user on this machine.</summary>
    public static string RootFor(IsolationOptions options, uint uid, string tempDirectory)
    {
        if (options.RuntimeDirectory is { } chosen)
        {
            return chosen.TrimEnd('/');
        }

        if (uid == 0)
        {
            return "/run/" + Prefix;
        }

        return options.UserRuntimeDirectory is { Length: > 0 } user
            ? $"{user.TrimEnd('/')}/{Prefix}"
            : $"{tempDirectory.TrimEnd('/')}/{Prefix}-{uid}";
    }
}
