namespace SandboxHost.TestKit;

/// <summary>The repository that the tests were built from.</summary>
public static class Repository
{
    public static string Root { get; } = Find();

    public static string Example(string name) => Path.Combine(Root, "examples", name);

    private static string Find()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "SandboxHost.sln")))
            {
                return directory.FullName;
            }
        }

        throw new InvalidOperationException("The repository was not found above the tests.");
    }
}
