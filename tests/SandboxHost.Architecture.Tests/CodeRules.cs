using System.Globalization;
using System.Text.RegularExpressions;

namespace SandboxHost.Architecture.Tests;

/// <summary>Rules for source files that no analyzer knows.</summary>
public sealed partial class CodeRules
{
    private const int MaxLines = 400;
    private const int MaxParameters = 7;

    // Known by name, with the reason. The list is there to shrink.
    private static readonly Dictionary<string, string> LongFiles = new()
    {
        ["src/SandboxHost.Supervisor/Transport/Invocation.cs"] = "the life of one invocation: body in, head, body out, and every end of it",
    };

    private static readonly string[] Drawers = ["Manager", "Helper", "Helpers", "Utils", "Utility", "Utilities", "Impl"];

    private static readonly Dictionary<string, (int First, int Last)> EventIds = new()
    {
        ["Gateway"] = (1000, 1999),
        ["Supervisor"] = (2000, 2999),
        ["Isolation"] = (3000, 3999),
        ["Background"] = (4000, 4999),
        ["Server"] = (5000, 5999),
        ["Sites"] = (8000, 8999),
    };

    [TimedFact]
    public void A_file_is_no_longer_than_a_reader_can_hold() =>
        Assert.Empty(SourceFile.All.Where(file => file.Lines > MaxLines && !LongFiles.ContainsKey(file.Path)).Select(file => $"{file.Path}: {file.Lines} lines"));

    [TimedFact]
    public void No_type_is_a_drawer() =>
        Assert.Empty(
            from file in SourceFile.All
            from type in TypeDeclaration().Matches(file.Code).Select(match => match.Groups["name"].Value)
            where Drawers.Any(drawer => type.EndsWith(drawer, StringComparison.Ordinal))
            select $"{file.Path}: {type}");

    [TimedFact]
    public void A_class_takes_no_more_than_seven_things()
    {
        var constructors =
            from file in SourceFile.All
            from type in TypeDeclaration().Matches(file.Code).Where(match => match.Groups["kind"].Value is "class" or "struct")
            let name = type.Groups["name"].Value
            from constructor in Regex.Matches(
                file.Code, $@"\b(?:class|struct)\s+{name}(?:<[^>]*>)?\(|\b(?:public|internal|protected|private)\s+{name}\(", RegexOptions.None, TimeSpan.FromSeconds(5))
            where !IsOfRecord(file.Code, constructor.Index)
            let count = CountParameters(file.Code, constructor.Index + constructor.Length)
            select (file.Path, name, count);

        Assert.NotEmpty(constructors);
        Assert.All(constructors, found => Assert.True(found.count <= MaxParameters, $"{found.Path}: {found.name} takes {found.count}"));
    }

    [TimedFact]
    public void Event_ids_are_unique_and_in_the_range_of_their_project()
    {
        var events = (
            from file in SourceFile.All
            from match in LogMessage().Matches(file.Code)
            select (file.Project, file.Path, Id: int.Parse(match.Groups["id"].Value, CultureInfo.InvariantCulture))).ToList();

        Assert.NotEmpty(events);
        Assert.Empty(events.GroupBy(item => item.Id).Where(group => group.Count() > 1).Select(group => $"{group.Key} in {string.Join(", ", group.Select(item => item.Path))}"));
        Assert.All(events, item => Assert.True(
            EventIds.TryGetValue(item.Project, out var range) && item.Id >= range.First && item.Id <= range.Last,
            $"{item.Path}: {item.Id} is not in the range of {item.Project}"));
    }

    [TimedFact]
    public void Every_log_message_has_an_id() =>
        Assert.Empty(SourceFile.All.Where(file => LogMessage().Count(file.Code) != AnyLogMessage().Count(file.Code)).Select(file => file.Path));

    [TimedTheory]
    [InlineData("class A(int a, Dictionary<string, int> b, (int, int) c)", 3)]
    [InlineData("class A()", 0)]
    [InlineData("class A(Func<int, int> a = null, int[,] b = null)", 2)]
    public void Parameters_are_counted_as_the_compiler_does(string code, int count) =>
        Assert.Equal(count, CountParameters(code, code.IndexOf('(') + 1));

    private static bool IsOfRecord(string code, int at) => code[..at].TrimEnd().EndsWith("record", StringComparison.Ordinal);

    private static int CountParameters(string code, int position)
    {
        var (depth, commas, isEmpty) = (0, 0, true);
        for (; depth > 0 || code[position] != ')'; position++)
        {
            var c = code[position];
            depth += c is '(' or '<' or '[' or '{' ? 1 : c is ')' or '>' or ']' or '}' ? -1 : 0;
            commas += c == ',' && depth == 0 ? 1 : 0;
            isEmpty &= char.IsWhiteSpace(c);
        }

        return isEmpty ? 0 : commas + 1;
    }

    [GeneratedRegex(@"\b(?<kind>class|interface|enum|struct|record(?:\s+(?:class|struct))?)\s+(?<name>[A-Z]\w*)", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex TypeDeclaration();

    [GeneratedRegex(@"\[LoggerMessage\(\s*(EventId\s*=\s*)?(?<id>\d+)\s*,", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex LogMessage();

    [GeneratedRegex(@"\[LoggerMessage\(", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex AnyLogMessage();
}
