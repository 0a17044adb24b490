using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace SandboxHost.Gateway;

/// <summary>Whether a reply of the host's own is a page or something for programs.</summary>
internal static class AcceptedType
{
    private const int MaxValues = 50;

    /// <summary>
    /// Who names <c>text/html</c> gets a page (reference §2.4), unless with <c>q=0</c>, or less than JSON or plain text
    /// (RFC 9110 §12.5.1). <c>*/*</c> alone is what programs send.
    /// </summary>
    public static bool IsHtml(HttpRequest request)
    {
        var accept = request.Headers.Accept;
        if (accept.Count == 0 || !MediaTypeHeaderValue.TryParseList(accept, out var values))
        {
            return false;
        }

        double? html = null;
        var other = 0.0;
        foreach (var value in values.Take(MaxValues))
        {
            if (Is(value, "text/html"))
            {
                html = Math.Max(html ?? 0, value.Quality ?? 1);
            }
            else if (Is(value, "application/json") || Is(value, "text/plain"))
            {
                other = Math.Max(other, value.Quality ?? 1);
            }
        }

        return html > 0 && html >= other;
    }

    private static bool Is(MediaTypeHeaderValue value, string type) => value.MediaType.Equals(type, StringComparison.OrdinalIgnoreCase);
}
