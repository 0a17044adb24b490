namespace SandboxHost.Sites.Settings;

/// <summary>What somebody probably meant who wrote a name that nobody knows.</summary>
public static class NearestName
{
    private const int MaxEdits = 2;
    private const int MaxLength = 64;

    /// <returns>Null when none is near.</returns>
    public static string? Of(string name, IEnumerable<string> known)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length > MaxLength)
        {
            return null;
        }

        var plain = Plain(name);
        return known
            .Select(candidate => (Name: candidate, Edits: EditsBetween(plain, Plain(candidate))))
            .Where(candidate => candidate.Edits <= MaxEdits && candidate.Edits < candidate.Name.Length / 2)
            .OrderBy(candidate => candidate.Edits)
            .Select(candidate => candidate.Name)
            .FirstOrDefault();
    }

    /// <summary>"'pth' is not known; did you mean 'path'?"</summary>
    public static string Unknown(string name, IEnumerable<string> known) =>
        Of(name, known) is { } near ? $"'{name}' is not known here; did you mean '{near}'?" : $"'{name}' is not known here";

    // includedFiles and included_files are one name, spelt for two places.
    private static string Plain(string name) => name.Replace("_", "", StringComparison.Ordinal).ToUpperInvariant();

    // Levenshtein's distance, one row at a time.
    private static int EditsBetween(string from, string to)
    {
        var row = Enumerable.Range(0, to.Length + 1).ToArray();
        for (var i = 1; i <= from.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= to.Length; j++)
            {
                var replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j - 1], row[j]) + 1);
            }
        }

        return row[^1];
    }
}
