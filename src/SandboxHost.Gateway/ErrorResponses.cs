using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using SandboxHost.Invocations;
using SandboxHost.Routing;

namespace SandboxHost.Gateway;

/// <summary>
/// Errors as HTTP: JSON, or a page for who accepts HTML. Its author sees what the function threw; a visitor sees the name
/// of the error and the request id.
/// </summary>
internal static class ErrorResponses
{
    public static async Task WriteAsync(HttpContext context, FunctionError error, string requestId, bool showDetails)
    {
        var row = ErrorTable.Of(error.Code);
        if (context.Response.HasStarted || error.Code == ErrorCode.ClientGone)
        {
            context.Abort();
            return;
        }

        var connection = context.Response.Headers.Connection;
        context.Response.Clear();
        context.Response.Headers.Connection = connection;
        context.Response.Headers["x-nf-request-id"] = requestId;
        context.Response.StatusCode = row.Status;
        context.Response.Headers.CacheControl = "no-store";
        if (error.RetryAfter is { } retry)
        {
            context.Response.Headers.RetryAfter = Math.Ceiling(retry.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        }

        var thrown = showDetails ? error.Thrown : null;
        var body = new ErrorBody(
            thrown?.Type ?? row.Name,
            thrown?.Message ?? error.Message,
            thrown?.Trace ?? [],
            row.Name,
            requestId);
        await WriteBodyAsync(context, body);
    }

    /// <summary>The plain texts that Netlify's own server gives when no function answers (reference §1.2-1.3).</summary>
    public static async Task WriteMissAsync(HttpContext context, RouteOutcome outcome, string requestId)
    {
        if (outcome == RouteOutcome.None)
        {
            await WriteAsync(context, new FunctionError(ErrorCode.NotFound, "Nothing answers at this path."), requestId, showDetails: false);
            return;
        }

        var (status, text) = outcome == RouteOutcome.IllegalName
            ? (StatusCodes.Status400BadRequest, "Function name should consist only of alphanumeric characters, hyphen & underscores.")
            : (StatusCodes.Status404NotFound, "Function not found...");
        context.Response.StatusCode = status;
        await TextReply.WriteAsync(context, text);
    }

    private static async Task WriteBodyAsync(HttpContext context, ErrorBody body)
    {
        if (AcceptsHtml(context.Request))
        {
            context.Response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'";
            await TextReply.WriteAsync(context, Page(body), "text/html; charset=utf-8");
            return;
        }

        await TextReply.WriteAsync(context, JsonSerializer.Serialize(body, ErrorJson.Default.ErrorBody), "application/json; charset=utf-8");
    }

    private static bool AcceptsHtml(HttpRequest request)
    {
        foreach (var value in request.Headers.Accept)
        {
            if (value?.Contains("text/html", StringComparison.OrdinalIgnoreCase) == true)
            {
                return true;
            }
        }

        return false;
    }

    private static string Page(ErrorBody body)
    {
        var trace = body.Trace.Count == 0 ? "" : $"<pre>{WebUtility.HtmlEncode(string.Join('\n', body.Trace))}</pre>";
        return $$"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width">
            <title>{{WebUtility.HtmlEncode(body.ErrorType)}}</title>
            <style>
            :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
            body { max-width: 52rem; margin: 12vh auto; padding: 0 1.5rem; }
            h1 { font-size: 1.25rem; margin: 0 0 .25rem; }
            p { margin: .25rem 0; }
            pre { overflow-x: auto; padding: 1rem; border-radius: .5rem; background: color-mix(in srgb, currentColor 8%, transparent); }
            code, pre { font: .875rem/1.5 ui-monospace, monospace; }
            small { opacity: .7; }
            </style>
            </head>
            <body>
            <h1>{{WebUtility.HtmlEncode(body.ErrorType)}}</h1>
            <p>{{WebUtility.HtmlEncode(body.ErrorMessage)}}</p>
            {{trace}}
            <p><small><code>{{body.Code}}</code> · request <code>{{body.RequestId}}</code></small></p>
            </body>
            </html>

            """;
    }
}

/// <summary>The body of an error reply. The first three members are Netlify's.</summary>
internal sealed record ErrorBody(
    [property: JsonPropertyName("errorType")] string ErrorType,
    [property: JsonPropertyName("errorMessage")] string ErrorMessage,
    [property: JsonPropertyName("trace")] IReadOnlyList<string> Trace,
    [property: JsonPropertyName("code")] string Code,
    [property: JsonPropertyName("requestId")] string RequestId);

[JsonSerializable(typeof(ErrorBody))]
internal sealed partial class ErrorJson : JsonSerializerContext;
