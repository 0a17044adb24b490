using System.Globalization;
using Microsoft.AspNetCore.Http;
using SandboxHost.Invocations;

namespace SandboxHost.Gateway;

/// <summary>From a function's response to the client's.</summary>
internal static class ResponseWriter
{
    /// <returns>Why the body was cut, after the client's stream was reset; null when all went out.</returns>
    public static async ValueTask<FunctionError?> WriteAsync(HttpContext context, InvocationResponse response, IExchange exchange)
    {
        var http = context.Response;
        http.StatusCode = response.Status;
        WriteHeaders(http.Headers, response.Headers);
        if (HasNoBody(context.Request.Method, response.Status))
        {
            SetLengthOfAbsentBody(http, response);
            return null;
        }

        if (!response.IsStreamed)
        {
            // The body is all there, so its length is known better here than by the function.
            http.ContentLength = response.Body.Length;
            if (!response.Body.IsEmpty)
            {
                await http.BodyWriter.WriteAsync(response.Body, context.RequestAborted);
            }

            return null;
        }

        http.ContentLength = response.Length;

        // The head goes out now: a function that thinks for a while before its first chunk has already answered.
        await http.StartAsync(context.RequestAborted);
        await http.BodyWriter.FlushAsync(context.RequestAborted);
        var error = await exchange.CopyBodyToAsync(http.BodyWriter);
        if (error is not null)
        {
            // Never end it as if it were complete: the client must see that something is missing.
            context.Abort();
        }

        return error;
    }

    private static void WriteHeaders(IHeaderDictionary target, IReadOnlyList<string> flat)
    {
        for (var i = 0; i < flat.Count; i += 2)
        {
            var name = flat[i];
            // The length is set where the body is known, which a function may be wrong about.
            if (!HeaderRules.IsHopByHop(name) && name is not ("x-nf-request-id" or "content-length"))
            {
                target.Append(name, flat[i + 1]);
            }
        }
    }

    // RFC 9110 §6.4.1 and §15.3.6: HEAD, 204, 205 and 304 have none, whatever the function returned. (1xx can't be returned.)
    private static bool HasNoBody(string method, int status) =>
        status is StatusCodes.Status204NoContent or StatusCodes.Status205ResetContent or StatusCodes.Status304NotModified
        || HttpMethods.IsHead(method);

    // RFC 9110 §8.6: not with 204; with HEAD and 304 it is the length that a GET would have had.
    private static void SetLengthOfAbsentBody(HttpResponse http, InvocationResponse response)
    {
        http.ContentLength = http.StatusCode switch
        {
            StatusCodes.Status204NoContent => null,
            StatusCodes.Status205ResetContent => 0,
            StatusCodes.Status304NotModified => ClaimedLength(response.Headers),
            _ when response.IsStreamed => response.Length ?? ClaimedLength(response.Headers),
            _ when response.Body.IsEmpty => ClaimedLength(response.Headers),
            _ => response.Body.Length,
        };
    }

    private static long? ClaimedLength(IReadOnlyList<string> flat)
    {
        for (var i = 0; i < flat.Count; i += 2)
        {
            if (flat[i] == "content-length"
                && long.TryParse(flat[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out var length))
            {
                return length;
            }
        }

        return null;
    }
}
