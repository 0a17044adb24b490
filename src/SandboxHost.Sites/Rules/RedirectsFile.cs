using System.Text.Json.Nodes;

namespace SandboxHost.Sites.Rules;

/// <summary>
/// Reads a <c>_redirects</c> file: one rule a line, <c>from [query=value …] to [status[!]] [Condition=a,b …]</c>, with
/// comments behind '#'. A line that is wrong is reported and left out; the others hold.
/// </summary>
internal static class RedirectsFile
{
    public const string Name = "_redirects";

    private const int MaxLine = 4096;

    public static IEnumerable<RedirectDeclaration> Read(string file, string text, Action<string> mistake)
    {
        var number = 0;
        foreach (var raw in text.Split('\n'))
        {
            number++;
            var line = raw.Trim();
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            var where = $"{file}:{number}";
            if (line.Length > MaxLine)
            {
                mistake($"{where}: The line is longer than {MaxLine} characters");
                continue;
            }

            RedirectDeclaration declaration;
            try
            {
                declaration = ReadLine(where, line);
            }
            catch (FormatException ex)
            {
                mistake($"{where}: {ex.Message} ({Shown(line)})");
                continue;
            }

            yield return declaration;
        }
    }

    private static RedirectDeclaration ReadLine(string where, string line)
    {
        var tokens = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).TakeWhile(token => token[0] != '#').ToList();
        if (tokens.Count < 2)
        {
            throw new FormatException("Missing destination path/URL");
        }

        // A rule without a target has its status second.
        var hasNoTarget = RedirectDeclaration.LeadingNumber(tokens[1]) is not null;
        var target = hasNoTarget ? 0 : tokens.FindIndex(1, token => token[0] == '/' || RedirectDeclaration.IsAddress(token));
        if (target < 0)
        {
            throw new FormatException("The destination path/URL must start with \"/\", \"http:\" or \"https:\"");
        }

        var query = hasNoTarget ? [] : Pairs(tokens.Skip(1).Take(target - 1));
        var status = tokens.ElementAtOrDefault(target + 1);
        var conditions = Pairs(tokens.Skip(target + 2));
        var signed = (conditions["signed"] ?? conditions["Sign"])?.GetValue<string>();
        conditions.Remove("signed");
        conditions.Remove("Sign");
        var force = status is not null && RedirectDeclaration.LeadingNumber(status) is not null && status.EndsWith('!');
        return RedirectDeclaration.Create(where, tokens[0], hasNoTarget ? null : tokens[target], status, force, query, conditions, signed);
    }

    private static JsonObject Pairs(IEnumerable<string> tokens)
    {
        var pairs = new JsonObject();
        foreach (var parts in tokens.Select(token => token.Split('=')))
        {
            pairs[parts[0]] = parts.Length > 1 ? parts[1] : null;
        }

        return pairs;
    }

    private static string Shown(string line) => line.Length <= 200 ? line : line[..200] + "…";
}
