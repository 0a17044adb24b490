namespace SandboxHost.Sites.Settings;

/// <summary>The branch that a folder's repository has checked out, read from git's own files (gitrepository-layout(5)).</summary>
public static class GitBranch
{
    private const string RefPrefix = "ref: refs/heads/";

    /// <returns>Empty without a repository, and when no branch is checked out.</returns>
    public static string Of(string directory)
    {
        try
        {
            var head = HeadFileOf(directory) is { } file ? File.ReadAllText(file).Trim() : "";
            return head.StartsWith(RefPrefix, StringComparison.Ordinal) ? head[RefPrefix.Length..] : "";
        }
        catch (Exception ex) when (ex is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static string? HeadFileOf(string start)
    {
        for (var directory = new DirectoryInfo(start); directory is not null; directory = directory.Parent)
        {
            var git = Path.Combine(directory.FullName, ".git");
            if (Directory.Exists(git))
            {
                return Path.Combine(git, "HEAD");
            }

            // A work tree or a submodule: the file says where its git directory is.
            if (File.Exists(git))
            {
                var target = File.ReadAllText(git).Trim();
                return target.StartsWith("gitdir: ", StringComparison.Ordinal) ? Path.Combine(directory.FullName, target["gitdir: ".Length..], "HEAD") : null;
            }
        }

        return null;
    }
}
