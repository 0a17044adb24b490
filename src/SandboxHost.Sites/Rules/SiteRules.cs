using System.Text;
using SandboxHost.Routing.Rules;
using Tomlyn.Model;

namespace SandboxHost.Sites.Rules;

/// <summary>Where a site's rules are.</summary>
/// <param name="SiteDirectory">Absolute.</param>
/// <param name="PublishDirectory">Absolute.</param>
/// <param name="NetlifyToml">Null when there is none.</param>
/// <param name="Environment">Has the secrets that signed rewrites name.</param>
internal sealed record RuleSources(
    string SiteDirectory, string PublishDirectory, TomlTable? NetlifyToml, IReadOnlyDictionary<string, string> Environment);

/// <summary>
/// The redirects and header rules of a site: those of <c>_redirects</c> and <c>_headers</c> first, then those of
/// netlify.toml (reference §12).
/// </summary>
internal sealed record SiteRules(RedirectTable Redirects, HeaderTable Headers, RoleTokens? RoleTokens)
{
    public const string TomlName = "netlify.toml";

    /// <summary>A larger file is not read.</summary>
    private const int MaxFileBytes = 4 * 1024 * 1024;

    public static readonly SiteRules None = new(RedirectTable.Empty, HeaderTable.Empty, null);

    public static SiteRules Read(RuleSources sources, Action<string> mistake)
    {
        var tokens = ReadRoleTokens(sources.NetlifyToml);
        var redirects = ReadRedirects(sources, mistake);
        if (tokens is null && redirects.Any(rule => rule.Conditions.Roles.Count > 0))
        {
            mistake($"Redirects ask for a role, and nobody has one: {TomlName} has no [dev] jwtSecret to check tokens with");
        }

        return new SiteRules(new RedirectTable(redirects), new HeaderTable(ReadHeaders(sources, mistake)), tokens);
    }

    private static List<RedirectRule> ReadRedirects(RuleSources sources, Action<string> mistake)
    {
        // The publish directory's file first: a build may have written it.
        string[] directories = [sources.PublishDirectory, sources.SiteDirectory];
        var declarations = directories.Distinct(StringComparer.Ordinal)
            .SelectMany(directory => RedirectsFile.Read(RedirectsFile.Name, TextOf(directory, RedirectsFile.Name, mistake), mistake))
            .Concat(sources.NetlifyToml is null ? [] : RedirectTables.Read(TomlName, sources.NetlifyToml, mistake));
        var compiler = new RedirectCompiler(sources.Environment, mistake);
        return [.. Bounded(LatestOfEach(declarations, declaration => declaration.Key), RedirectTable.MaxRules, "redirects", mistake)
            .Select(compiler.Compile).OfType<RedirectRule>()];
    }

    private static List<HeaderRule> ReadHeaders(RuleSources sources, Action<string> mistake)
    {
        string[] directories = [sources.SiteDirectory, sources.PublishDirectory];
        var declarations = directories.Distinct(StringComparer.Ordinal)
            .SelectMany(directory => HeadersFile.Read(HeadersFile.Name, TextOf(directory, HeadersFile.Name, mistake), mistake))
            .Concat(sources.NetlifyToml is null ? [] : HeadersFile.Read(TomlName, sources.NetlifyToml, mistake));
        return [.. Bounded(LatestOfEach(declarations, declaration => declaration.Key), HeaderTable.MaxRules, "headers", mistake)
            .Select(declaration => HeaderFields.Compile(declaration, mistake)).OfType<HeaderRule>()];
    }

    /// <summary>Of rules that say the same the last one stays, at its place: so does Netlify's parser.</summary>
    public static List<T> LatestOfEach<T>(IEnumerable<T> declarations, Func<T, string> key)
    {
        var latest = declarations.Reverse().DistinctBy(key, StringComparer.Ordinal).ToList();
        latest.Reverse();
        return latest;
    }

    private static List<T> Bounded<T>(List<T> declarations, int limit, string what, Action<string> mistake)
    {
        if (declarations.Count > limit)
        {
            mistake($"{declarations.Count} {what} are more than {limit}; those after it are left out");
            declarations.RemoveRange(limit, declarations.Count - limit);
        }

        return declarations;
    }

    private static RoleTokens? ReadRoleTokens(TomlTable? toml)
    {
        if (toml is null || !toml.TryGetValue("dev", out var value) || value is not TomlTable dev
            || !dev.TryGetValue("jwtSecret", out var secret) || secret is not string { Length: > 0 } text)
        {
            return null;
        }

        var path = dev.TryGetValue("jwtRolePath", out var rolePath) && rolePath is string { Length: > 0 } own ? own : RoleTokens.DefaultClaimPath;
        return new RoleTokens(Encoding.UTF8.GetBytes(text), path);
    }

    private static string TextOf(string directory, string name, Action<string> mistake)
    {
        // A pipe has no length; opening one would wait for a writer.
        var file = new FileInfo(Path.Combine(directory, name));
        try
        {
            if (!file.Exists || file.Length == 0)
            {
                return "";
            }

            if (file.Length <= MaxFileBytes)
            {
                return File.ReadAllText(file.FullName);
            }

            mistake($"{name} has {file.Length} bytes, more than {MaxFileBytes}, and is not read");
        }
        catch (Exception ex) when (ex is IOException or UnauthorizedAccessException)
        {
            mistake($"{name} can't be read: {ex.Message}");
        }

        return "";
    }
}
