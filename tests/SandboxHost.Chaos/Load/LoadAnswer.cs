using System.Text.Json;

namespace SandboxHost.Chaos.Load;

/// <summary>What the load's functions say, and what it means when it is not all there.</summary>
internal static class LoadAnswer
{
    /// <summary>The header in which an answer repeats its request's id.</summary>
    public const string IdHeader = "x-load-id";

    /// <summary>The last line of every whole body.</summary>
    private const string Last = "end";

    public static (LoadEnd End, string Reason, int Version) Judge(string id, int status, string? headerId, string body) => status switch
    {
        200 when headerId != id || !body.StartsWith(id + "\n", StringComparison.Ordinal) => (LoadEnd.Misanswered, $"answered with {headerId ?? "no id"}", 0),
        200 when !body.EndsWith("\n" + Last, StringComparison.Ordinal) => (LoadEnd.CutInSilence, $"only {body.Length} bytes", 0),
        200 => (LoadEnd.Succeeded, "", VersionIn(body)),
        _ => (LoadEnd.Failed, NameIn(body) ?? $"status {status}", 0),
    };

    /// <summary>The version that a whole body is of: its second line, "version N".</summary>
    public static int VersionIn(string body) => int.Parse(body.Split('\n')[1]["version ".Length..]);

    private static string? NameIn(string body)
    {
        try
        {
            return JsonDocument.Parse(body).RootElement.GetProperty("code").GetString();
        }
        catch (Exception ex) when (ex is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }
}
