using Tomlyn;
using Tomlyn.Model;

namespace SandboxHost.Sites.Settings;

/// <summary>Reads TOML 1.0 (https://toml.io/en/v1.0.0).</summary>
internal static class TomlText
{
    /// <exception cref="TomlException">It is no TOML.</exception>
    public static TomlTable Read(string text)
    {
        try
        {
            return TomlSerializer.Deserialize<TomlTable>(text) ?? [];
        }
        catch (ArgumentOutOfRangeException ex)
        {
            // The parser wants to show which character is no escape, also where the text has ended and there is none.
            throw new TomlException("The text ends within an escape.", ex);
        }
    }
}
