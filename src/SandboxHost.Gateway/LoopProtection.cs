using Microsoft.AspNetCore.Http;

namespace SandboxHost.Gateway;

/// <summary>
/// Ends requests that go round in circles, as <c>CDN-Loop</c> (RFC 8586) is meant to: each time a function asks for
/// something, its runner adds this host's name to what the function's own request brought along.
/// </summary>
internal static class LoopProtection
{
    public const string HeaderName = "CDN-Loop";

    public const string CdnId = "sandboxhost";

    /// <summary>A request may have been here this often: functions that ask functions are common, deep chains are not.</summary>
    public const int MaxPasses = 8;

    public static bool IsLoop(HttpRequest request)
    {
        if (!request.Headers.TryGetValue(HeaderName, out var values))
        {
            return false;
        }

        var passes = 0;
        foreach (var value in values)
        {
            passes += PassesIn(value);
        }

        return passes > MaxPasses;
    }

    /// <summary>How many elements of the list have this host's id: <c>id *( OWS ";" OWS parameter )</c> each.</summary>
    private static int PassesIn(ReadOnlySpan<char> list)
    {
        var passes = 0;
        while (!list.IsEmpty)
        {
            var end = EndOfElement(list);
            var element = list[..end];
            var parameters = element.IndexOf(';');
            var id = (parameters < 0 ? element : element[..parameters]).Trim(" \t");
            passes += id.Equals(CdnId, StringComparison.OrdinalIgnoreCase) ? 1 : 0;
            list = end == list.Length ? [] : list[(end + 1)..];
        }

        return passes;
    }

    // A comma inside a quoted parameter ends nothing (RFC 9110 §5.6.4).
    private static int EndOfElement(ReadOnlySpan<char> list)
    {
        var quoted = false;
        for (var i = 0; i < list.Length; i++)
        {
            switch (list[i])
            {
                case '"':
                    quoted = !quoted;
                    break;
                case '\\' when quoted:
                    i++;
                    break;
                case ',' when !quoted:
                    return i;
                default:
                    break;
            }
        }

        return list.Length;
    }
}
