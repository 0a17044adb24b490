using System.Text.Json;

namespace SandboxHost.Cli.Functions;

/// <summary>`--payload`: JSON text, or the path of a JSON file.</summary>
internal static class PayloadReader
{
    /// <param name="Text">Legal JSON, as its author wrote it.</param>
    public sealed record Payload(string Text);

    /// <param name="directory">What a relative path is relative to.</param>
    /// <returns>Null without a payload, and after a mistake.</returns>
    public static Payload? Read(string? payload, string directory, out string? mistake)
    {
        mistake = null;
        if (payload is null)
        {
            return null;
        }

        if (MistakeIn(payload) is not { } notJson)
        {
            return new Payload(payload);
        }

        var file = Path.Combine(directory, payload);
        if (!File.Exists(file))
        {
            mistake = payload.TrimStart() is ['{' or '[' or '"', ..]
                ? $"--payload is no legal JSON: {notJson}"
                : $"--payload {payload}: it is no JSON, and there is no such file in {directory}.";
            return null;
        }

        var text = File.ReadAllText(file);
        mistake = MistakeIn(text) is { } wrong ? $"{file} is no legal JSON: {wrong}" : null;
        return mistake is null ? new Payload(text) : null;
    }

    private static string? MistakeIn(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return null;
        }
        catch (JsonException ex)
        {
            return ex.Message;
        }
    }
}
