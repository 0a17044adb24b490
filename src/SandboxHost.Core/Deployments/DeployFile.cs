using System.Buffers;
using System.Globalization;
using System.Text;

namespace SandboxHost.Deployments;

/// <summary>One file of a deploy.</summary>
/// <param name="Path">Relative to the top of the deploy, with '/'.</param>
/// <param name="Sha256">Of its content: 64 lower-case hexadecimal digits.</param>
/// <param name="Size">In bytes.</param>
public sealed record DeployFile(string Path, string Sha256, long Size);

/// <summary>What a deploy may hold.</summary>
public sealed record DeployLimits
{
    /// <summary>Default 50000.</summary>
    public int Files { get; init; } = 50_000;

    /// <summary>All files together. Default 2 GB.</summary>
    public long Bytes { get; init; } = 2L << 30;

    /// <summary>Deploys of all sites whose files are on their way. Default 16.</summary>
    public int Uploads { get; init; } = 16;

    /// <summary>How long an upload may stand still. Default 15 minutes.</summary>
    public TimeSpan UploadIdle { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Deploys of a site that are kept beside the published one; the oldest go. Default 20.</summary>
    public int Kept { get; init; } = 20;
}

/// <summary>
/// The rules for the list of a deploy's files. A path is a name below the deploy's directory and nothing else: whoever made
/// the list may be hostile.
/// </summary>
public static class DeployFileList
{
    private const int MaxSegmentBytes = 255;
    private const int MaxPathBytes = 1024;
    private const int HashDigits = 64;

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    /// <returns>What is wrong, naming the file; null when nothing is.</returns>
    public static string? RuleAgainst(IReadOnlyCollection<DeployFile> files, DeployLimits limits)
    {
        ArgumentNullException.ThrowIfNull(files);
        ArgumentNullException.ThrowIfNull(limits);
        if (files.Count > limits.Files)
        {
            return string.Create(CultureInfo.InvariantCulture, $"The deploy has {files.Count} files; {limits.Files} are allowed.");
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        var directories = new HashSet<string>(StringComparer.Ordinal);
        var sizes = new Dictionary<string, long>(StringComparer.Ordinal);
        long bytes = 0;
        foreach (var file in files)
        {
            if (RuleAgainst(file) is { } rule)
            {
                return rule;
            }

            if (!names.Add(file.Path))
            {
                return $"{Shown(file.Path)}: the file is listed twice.";
            }

            if (sizes.TryGetValue(file.Sha256, out var size) && size != file.Size)
            {
                return $"{Shown(file.Path)}: one content can't have two sizes.";
            }

            sizes[file.Sha256] = file.Size;
            bytes += file.Size;
            if (bytes > limits.Bytes)
            {
                return string.Create(CultureInfo.InvariantCulture, $"The deploy's files have more than {limits.Bytes} bytes, which is the limit.");
            }

            // Once a directory is known, so are those above it.
            var above = Path.GetDirectoryName(file.Path);
            while (!string.IsNullOrEmpty(above) && directories.Add(above))
            {
                above = Path.GetDirectoryName(above);
            }
        }

        return names.FirstOrDefault(directories.Contains) is { } both ? $"{Shown(both)}: can't be a file and a directory." : null;
    }

    /// <summary>Whether a path is a name below a directory, whatever the directory is.</summary>
    public static bool IsPath(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Encoding.UTF8.GetByteCount(path) is > 0 and <= MaxPathBytes && path.Split('/').All(IsSegment);
    }

    private static string? RuleAgainst(DeployFile file) =>
        !IsPath(file.Path) ? $"{Shown(file.Path)}: a path must stay in the deploy, have up to {MaxPathBytes} bytes, and only names of 1 to {MaxSegmentBytes} bytes without control characters or '\\'."
        : file.Sha256.Length != HashDigits || file.Sha256.AsSpan().ContainsAnyExcept(HexDigits) ? $"{Shown(file.Path)}: the SHA-256 is not {HashDigits} lower-case hexadecimal digits."
        : file.Size < 0 ? $"{Shown(file.Path)}: the size is negative."
        : null;

    // Half of a surrogate pair becomes another name on its way to the disk.
    private static bool IsSegment(string segment) =>
        segment is not ("" or "." or "..")
        && Encoding.UTF8.GetByteCount(segment) <= MaxSegmentBytes
        && segment.EnumerateRunes().All(rune => rune != Rune.ReplacementChar && rune.Value != '\\' && !Rune.IsControl(rune));

    private static string Shown(string path)
    {
        var start = path.Length > 200 ? path[..200] + "…" : path;
        return string.Concat(start.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '\uFFFD' : c));
    }
}
