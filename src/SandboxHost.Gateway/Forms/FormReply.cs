using Microsoft.AspNetCore.Http;
using SandboxHost.Routing;

namespace SandboxHost.Gateway.Forms;

/// <summary>
/// What who sent a form gets to see. A form whose action is another page of the site leads there; one that was sent to its
/// own page, or to none, is thanked for.
/// </summary>
internal static class FormReply
{
    private const string Thanks = "Thank you!";
    private const string Received = "Your form submission has been received.";

    /// <param name="isPage">Whether something answers a GET of a path.</param>
    public static async Task WriteAsync(HttpContext context, RequestTarget target, Func<string, bool> isPage)
    {
        context.Response.Headers.CacheControl = "no-store";
        var path = UrlPath.Resolve(target.Path);
        var sender = SendingPage(context.Request);
        if (sender is not null && Page(sender) != Page(path) && IsOwn(path) && isPage(path))
        {
            context.Response.StatusCode = StatusCodes.Status303SeeOther;
            context.Response.Headers.Location = path;
            context.Response.ContentLength = 0;
            return;
        }

        context.Response.Headers.Vary = "Accept";
        if (AcceptedType.IsHtml(context.Request))
        {
            var back = HostPage.Text(sender is not null && IsOwn(sender) ? sender : "/");
            await ErrorResponses.WritePageAsync(context, HostPage.Of(Thanks, $"<h1>{Thanks}</h1>\n<p>{Received}</p>\n<p><a href=\"{back}\">Back to the site</a></p>"));
            return;
        }

        await TextReply.WriteAsync(context, $"{Thanks} {Received}\n");
    }

    /// <summary>The path of the page of this site that the form was on; null when nobody says, or it is another site's.</summary>
    private static string? SendingPage(HttpRequest request) =>
        Uri.TryCreate(request.Headers.Referer.ToString(), UriKind.Absolute, out var page)
        && page.Authority.Equals(RequestTarget.HostOf(request), StringComparison.OrdinalIgnoreCase)
            ? UrlPath.Resolve(page.AbsolutePath)
            : null;

    // One page at several addresses, as files are: /a, /a/, /a.html and /a/index.html.
    private static string Page(string path)
    {
        var page = UrlPath.Canonical(path);
        page = page.EndsWith(".html", StringComparison.Ordinal) ? page[..^".html".Length] : page;
        page = page.EndsWith("/index", StringComparison.Ordinal) ? page[..^"index".Length] : page;
        return page.TrimEnd('/');
    }

    // Two slashes, or a slash and what browsers take for one, name another host.
    private static bool IsOwn(string path) => !path.StartsWith("//", StringComparison.Ordinal) && !path.StartsWith("/\\", StringComparison.Ordinal);
}
