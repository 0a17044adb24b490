using System.Reflection;

namespace SandboxHost.Cli.Functions;

internal enum Language
{
    JavaScript,
    TypeScript,
}

/// <summary>Something to begin a function with. Its files are in Templates, one for each language; the first line describes it.</summary>
/// <param name="Name">As in `--template NAME`.</param>
internal sealed record Template(string Name)
{
    private const string NameInText = "__NAME__";

    public static IReadOnlyList<Template> All { get; } =
    [
        new("hello"), new("path-parameters"), new("streaming"), new("background"), new("scheduled"), new("fetch-module"),
        new("rate-limited"), new("legacy"),
    ];

    /// <summary>The first line, without the address at its end.</summary>
    public string Description
    {
        get
        {
            var line = Read(Language.JavaScript).Split('\n')[0].TrimStart('/', ' ');
            return line[..line.LastIndexOf(": /", StringComparison.Ordinal)];
        }
    }

    /// <param name="functionName">[A-Za-z0-9_-], so that it may stand in any text.</param>
    public string TextFor(Language language, string functionName) => Read(language).Replace(NameInText, functionName, StringComparison.Ordinal);

    private string Read(Language language)
    {
        var resource = $"{Name}{(language == Language.TypeScript ? ".mts" : ".mjs")}";
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)
            ?? throw new InvalidOperationException($"The template {resource} is missing.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
