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

        if (response.Length is not null)
        {
            http.ContentLength = response.Length;
        }

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
            if (!HeaderRules.IsHopByHop(name) && name != "x-nf-request-id")
            {
                target.Append(name, flat[i + 1]);
            }
        }
    }

    // RFC 9110 §6.4.1: HEAD, 204 and 304 have none, whatever the function returned. (1xx can't be returned.)
    private static bool HasNoBody(string method, int status) =>
        status is StatusCodes.Status204NoContent or StatusCodes.Status304NotModified || HttpMethods.IsHead(method);

    private static void SetLengthOfAbsentBody(HttpResponse http, InvocationResponse response)
    {
        if (http.StatusCode == StatusCodes.Status204NoContent)
        {
            // RFC 9110 §8.6 forbids it.
            http.ContentLength = null;
        }
        else if (http.StatusCode != StatusCodes.Status304NotModified && !response.IsStreamed && !response.Body.IsEmpty)
        {
            http.ContentLength = response.Body.Length;
        }
    }
}
