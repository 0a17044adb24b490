using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace SandboxHost.Gateway;

/// <summary>
/// The frame of the pages that the host itself makes: errors, and the help for scheduled functions. No scripts, nothing
/// from elsewhere, light and dark, readable on a phone.
/// </summary>
internal static class HostPage
{
    private const string Style = """

        :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
        body { max-width: 52rem; margin: clamp(1.5rem, 10vh, 8rem) auto; padding: 0 1.25rem 2rem; }
        h1 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 .5rem; }
        h2 { font-size: 1.05rem; line-height: 1.4; margin: 1rem 0 .5rem; }
        h1, h2, p { overflow-wrap: anywhere; }
        p { margin: .5rem 0; white-space: pre-wrap; }
        ol { list-style: none; margin: 1.25rem 0; padding: .75rem 1rem; border-radius: .5rem; background: color-mix(in srgb, currentColor 7%, transparent); }
        li { padding-left: 1.5em; text-indent: -1.5em; white-space: pre-wrap; overflow-wrap: anywhere; }
        code, ol { font: .875rem/1.6 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
        footer { margin-top: 2rem; font-size: .875rem; opacity: .75; overflow-wrap: anywhere; }

        """;

    /// <summary>Nothing may run, load or be sent; of styles only the one above.</summary>
    public static readonly string ContentSecurityPolicy =
        $"default-src 'none'; style-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Style)))}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    /// <param name="body">Markup.</param>
    public static string Of(string title, string body) => $"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{Text(title)}</title>
        <style>{Style}</style>
        </head>
        <body>
        {body}
        </body>
        </html>

        """;

    public static string Trace(IReadOnlyList<string> lines) =>
        lines.Count == 0 ? "" : $"<ol>\n{string.Concat(lines.Select(line => $"<li>{Text(line.Trim())}</li>\n"))}</ol>";

    /// <summary>
    /// Any text as markup that says just that. What browsers obey or hide is shown: control characters by their pictures,
    /// as on the terminal, and marks that turn the direction of text as a replacement character.
    /// </summary>
    public static string Text(string text) => WebUtility.HtmlEncode(Visible(text));

    private static string Visible(string text)
    {
        if (!text.Any(IsUnseen))
        {
            return text;
        }

        return string.Create(text.Length, text, static (visible, text) =>
        {
            for (var i = 0; i < text.Length; i++)
            {
                // U+2400 … are the pictures of the control characters.
                visible[i] = text[i] switch
                {
                    var c when !IsUnseen(c) => c,
                    var c and < ' ' => (char)(0x2400 + c),
                    '\x7f' => '\u2421',
                    _ => '\ufffd',
                };
            }
        });
    }

    private static bool IsUnseen(char c) =>
        (char.IsControl(c) && c is not ('\n' or '\t')) || c is (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069');
}
