using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.StaticFiles;
using Microsoft.Net.Http.Headers;
using SandboxHost.Routing.Rules;

namespace SandboxHost.Gateway.Static;

/// <summary>Sends files, with the fields that the site's header rules ask for.</summary>
internal static class StaticReply
{
    private static readonly FileExtensionContentTypeProvider ContentTypes = new();

    public static bool Takes(string method) => HttpMethods.IsGet(method) || HttpMethods.IsHead(method);

    /// <summary>Sends a file and closes it. With status 200: as ranges or not at all, if the client asks so (RFC 9110 §13, §14).</summary>
    /// <param name="path">The path that the client asked for, resolved and canonical: header rules go by it.</param>
    public static async Task SendAsync(HttpContext context, StaticFile file, int status, HeaderTable headers, string path)
    {
        var response = context.Response;
        response.StatusCode = status;
        response.Headers.CacheControl = "public, max-age=0, must-revalidate";
        response.Headers.Age = "0";
        var rules = headers.Find(path).ToList();
        if (rules.Count > 0)
        {
            // At the last moment: a rule goes before what else is set.
            response.OnStarting(() => ApplyAsync(response.Headers, rules));
        }

        if (context.Request.Headers.Range is [{ } range] && !range.StartsWith("bytes=", StringComparison.OrdinalIgnoreCase))
        {
            // A unit that is not known is ignored (RFC 9110 §14.2), which the framework does not do.
            context.Request.Headers.Remove(HeaderNames.Range);
        }

        var isWhole = status != StatusCodes.Status200OK;
        var reply = TypedResults.Stream(
            file.Content,
            ContentTypeOf(file.Name),
            lastModified: isWhole ? null : file.LastModified,
            entityTag: isWhole ? null : TagOf(file),
            enableRangeProcessing: !isWhole);
        try
        {
            await reply.ExecuteAsync(context);
        }
        catch (InvalidOperationException) when (response.HasStarted)
        {
            // The file became longer while it was sent.
            context.Abort();
        }
        finally
        {
            file.Dispose();
        }
    }

    public static async Task RefuseMethodAsync(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
        context.Response.Headers.Allow = "GET, HEAD";
        await TextReply.WriteAsync(context, "Method Not Allowed");
    }

    private static Task ApplyAsync(IHeaderDictionary headers, List<HeaderRule> rules)
    {
        foreach (var (name, value) in rules.SelectMany(rule => rule.Fields))
        {
            headers[name] = value;
        }

        return Task.CompletedTask;
    }

    private static string ContentTypeOf(string name)
    {
        if (!ContentTypes.TryGetContentType(name, out var type))
        {
            return "application/octet-stream";
        }

        return type.StartsWith("text/", StringComparison.Ordinal) || type is "application/json" or "application/javascript" or "application/manifest+json"
            ? type + "; charset=utf-8"
            : type;
    }

    // Strong, so that ranges can be joined; two versions of a file differ in time or length.
    private static EntityTagHeaderValue TagOf(StaticFile file) => new(
        string.Create(CultureInfo.InvariantCulture, $"\"{file.LastModified.UtcTicks:x}-{file.Content.Length:x}\""));
}
