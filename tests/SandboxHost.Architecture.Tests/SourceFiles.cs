using System.Text.RegularExpressions;

namespace SandboxHost.Architecture.Tests;

/// <summary>A source file of the product, and the same without comments, strings and character literals.</summary>
/// <param name="Path">Relative to the repository, with '/'.</param>
internal sealed partial record SourceFile(string Path, string Text)
{
    public string Code { get; } = NotCode().Replace(Text, match => match.Value.StartsWith('/') ? "" : "\"\"");

    /// <summary>The part of the name behind "SandboxHost.".</summary>
    public string Project => Path.Split('/')[1]["SandboxHost.".Length..];

    public int Lines => Text.AsSpan().Count('\n');

    public static IReadOnlyList<SourceFile> All { get; } =
    [
        .. Directory.EnumerateFiles(Repository.PathOf("src"), "*.cs", SearchOption.AllDirectories)
            .Select(file => System.IO.Path.GetRelativePath(Repository.Root, file).Replace('\\', '/'))
            .Where(path => !path.Contains("/obj/", StringComparison.Ordinal) && !path.Contains("/bin/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(path => new SourceFile(path, File.ReadAllText(Repository.PathOf(path)))),
    ];

    // Raw strings first, then verbatim, then ordinary ones; what is inside an interpolation goes with its string.
    [GeneratedRegex("""
        //[^\n]*|/\*[\s\S]*?\*/|(?<quotes>"{3,})[\s\S]*?\k<quotes>|@"(?:[^"]|"")*"|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)+'
        """, RegexOptions.CultureInvariant, 5000)]
    private static partial Regex NotCode();
}
