using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using SandboxHost.Invocations;
using SandboxHost.Routing;

namespace SandboxHost.Gateway;

/// <summary>
/// Errors as HTTP: JSON, or a page for who accepts HTML. Its author sees what the function threw; a visitor sees the name
/// of the error, a neutral sentence and the request id.
/// </summary>
internal static class ErrorResponses
{
    // Read by people in terminals: letters stay letters. What browsers could take for markup does no harm, since they are
    // told not to guess the type.
    private static readonly ErrorJson Json = new(new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

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
            context.Response.Headers.RetryAfter = SecondsOf(retry);
        }

        var body = BodyOf(error, row, requestId, showDetails);
        context.Response.Headers.Vary = "Accept";
        if (AcceptedType.IsHtml(context.Request))
        {
            await WritePageAsync(context, ErrorPage.Of(body, forAuthor: showDetails));
            return;
        }

        await TextReply.WriteAsync(context, JsonSerializer.Serialize(body, Json.ErrorBody), "application/json; charset=utf-8");
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

    /// <summary>A page of the host's own; nothing in it runs or loads anything.</summary>
    public static async Task WritePageAsync(HttpContext context, string page)
    {
        context.Response.Headers.ContentSecurityPolicy = HostPage.ContentSecurityPolicy;
        await TextReply.WriteAsync(context, page, "text/html; charset=utf-8");
    }

    private static ErrorBody BodyOf(FunctionError error, ErrorRow row, string requestId, bool showDetails)
    {
        var type = row.Type ?? row.Name;
        return showDetails
            ? new ErrorBody(error.Thrown?.Type ?? type, error.Thrown?.Message ?? error.Message, error.Thrown?.Trace ?? [], row.Name, requestId)
            : new ErrorBody(type, row.VisitorText ?? error.Message, [], row.Name, requestId);
    }

    // Never 0, which would say that it is possible now.
    private static string SecondsOf(TimeSpan time) =>
        Math.Max(1, Math.Ceiling(time.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
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
