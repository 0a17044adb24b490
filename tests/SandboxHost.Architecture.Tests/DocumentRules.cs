using System.Text.RegularExpressions;
using SandboxHost.Invocations;

namespace SandboxHost.Architecture.Tests;

/// <summary>What the documents say is true.</summary>
public sealed partial class DocumentRules
{
    private static IEnumerable<string> Documents
    {
        get
        {
            string[] own = [Repository.PathOf("README.md"), Repository.PathOf("CONTRIBUTING.md")];
            var docs = Repository.PathOf("docs");
            return own.Where(File.Exists).Concat(Directory.Exists(docs) ? Directory.EnumerateFiles(docs, "*.md", SearchOption.AllDirectories) : []);
        }
    }

    [TimedFact]
    public void Every_relative_link_leads_somewhere() =>
        Assert.Empty(
            from file in Documents
            from link in Link().Matches(WithoutCode(File.ReadAllText(file))).Select(match => match.Groups["target"].Value)
            where !link.Contains("://", StringComparison.Ordinal) && !link.StartsWith("mailto:", StringComparison.Ordinal)
            let target = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, Uri.UnescapeDataString(link.Split('#')[0])))
            where link[0] != '#' && !Path.Exists(target)
            select $"{Path.GetRelativePath(Repository.Root, file)}: {link}");

    [TimedFact]
    public void Every_link_to_a_heading_finds_it() =>
        Assert.Empty(
            from file in Documents
            from link in Link().Matches(WithoutCode(File.ReadAllText(file))).Select(match => match.Groups["target"].Value)
            where !link.Contains("://", StringComparison.Ordinal) && link.Contains('#')
            let target = link[0] == '#' ? file : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, link.Split('#')[0]))
            where target.EndsWith(".md", StringComparison.Ordinal) && File.Exists(target) && !Anchors(target).Contains(link.Split('#')[1])
            select $"{Path.GetRelativePath(Repository.Root, file)}: {link}");

    [TimedFact]
    public void Every_source_path_that_is_named_exists() =>
        Assert.Empty(
            from file in Documents
            from path in SourcePath().Matches(File.ReadAllText(file)).Select(match => match.Value.TrimEnd('.', '/'))
            where !Path.Exists(Repository.PathOf(path))
            select $"{Path.GetRelativePath(Repository.Root, file)}: {path}");

    [TimedFact]
    public void The_page_of_errors_has_the_rows_of_the_table_and_no_others()
    {
        var rows = ErrorRow().Matches(File.ReadAllText(Repository.PathOf("docs/errors.md")))
            .Select(match => (match.Groups["name"].Value, match.Groups["status"].Value, match.Groups["fault"].Value));

        Assert.Equal(ErrorTable.All.Select(row => (row.Name, $"{row.Status}", row.Fault.ToString().ToLowerInvariant())), rows);
    }

    private static HashSet<string> Anchors(string file) =>
        [.. Heading().Matches(WithoutCode(File.ReadAllText(file))).Select(match => NotInAnchor().Replace(match.Groups["text"].Value.Trim().ToLowerInvariant(), "").Replace(' ', '-'))];

    private static string WithoutCode(string text) => CodeBlock().Replace(text, "");

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex Link();

    // Not a longer path of which it is a part, and no pattern.
    [GeneratedRegex(@"(?<![\w./-])src/[\w./-]+(?![\w*{<…])", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex SourcePath();

    [GeneratedRegex(@"^\| `(?<name>\w+)` \| (?<status>\d+) \| (?<fault>\w+) \|", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 5000)]
    private static partial Regex ErrorRow();

    [GeneratedRegex(@"^#+ (?<text>.+)$", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 5000)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex NotInAnchor();

    [GeneratedRegex(@"^```[\s\S]*?^```", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 5000)]
    private static partial Regex CodeBlock();
}
