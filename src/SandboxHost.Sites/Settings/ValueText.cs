using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace SandboxHost.Sites.Settings;

/// <summary>A value of a config or a settings file as its author wrote it, for messages.</summary>
internal static class ValueText
{
    private static readonly JsonSerializerOptions Json = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        MaxDepth = 256,
    };

    public static string Of(object? value) => value switch
    {
        null => "null",
        string text => text,
        bool truth => truth ? "true" : "false",
        IConvertible or IFormattable => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
        _ => JsonSerializer.Serialize(value, Json),
    };
}
