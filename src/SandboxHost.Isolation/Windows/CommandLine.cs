using System.Text;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Windows;

/// <summary>Arguments and variables as CreateProcessW takes them. Pure.</summary>
internal static class CommandLine
{
    /// <summary>Quotes so that the C runtime of the program splits the line into these arguments again (CommandLineToArgvW's rules).</summary>
    public static string Of(string program, IEnumerable<string> arguments) => string.Join(' ', arguments.Prepend(program).Select(Quote));

    /// <summary>NAME=VALUE, each with a NUL behind it, sorted by name without regard to case, and one NUL more.</summary>
    /// <exception cref="SandboxException">A name or a value can't be said in this form.</exception>
    public static string EnvironmentOf(IReadOnlyDictionary<string, string> variables)
    {
        var block = new StringBuilder();
        foreach (var (name, value) in variables.OrderBy(variable => variable.Key, StringComparer.OrdinalIgnoreCase))
        {
            if (name.Length == 0 || name.Contains('=', StringComparison.Ordinal) || name.Contains('\0', StringComparison.Ordinal) || value.Contains('\0', StringComparison.Ordinal))
            {
                throw new SandboxException("launch: an environment variable has no legal name, or contains a NUL character");
            }

            block.Append(name).Append('=').Append(value).Append('\0');
        }

        // A block without variables ends in two NULs as well.
        return block.Length == 0 ? "\0\0" : block.Append('\0').ToString();
    }

    private static string Quote(string argument)
    {
        if (argument.Contains('\0', StringComparison.Ordinal))
        {
            throw new SandboxException("launch: an argument contains a NUL character");
        }

        if (argument.Length > 0 && !argument.AsSpan().ContainsAny(" \t\n\v\""))
        {
            return argument;
        }

        var quoted = new StringBuilder("\"");
        var backslashes = 0;
        foreach (var c in argument)
        {
            if (c == '\\')
            {
                backslashes++;
                continue;
            }

            // Before a quote every backslash counts twice, elsewhere once.
            quoted.Append('\\', c == '"' ? (backslashes * 2) + 1 : backslashes).Append(c);
            backslashes = 0;
        }

        return quoted.Append('\\', backslashes * 2).Append('"').ToString();
    }
}
