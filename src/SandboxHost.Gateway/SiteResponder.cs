using Microsoft.AspNetCore.Http;
using SandboxHost.Deployments;
using SandboxHost.Gateway.Forms;
using SandboxHost.Gateway.RateLimits;
using SandboxHost.Gateway.Redirects;
using SandboxHost.Gateway.Static;
using SandboxHost.Routing;
using SandboxHost.Routing.Rules;

namespace SandboxHost.Gateway;

/// <summary>
/// What answers beside the functions of a site (reference §1.6): files that a function yields to, redirects, files, forms
/// that are sent in, and the site's own 404 page, in this order.
/// </summary>
internal sealed class SiteResponder(RewriteProxy proxy, FormSubmissions forms, TimeProvider clock)
{
    private const string NotFoundPage = "/404.html";

    /// <summary>Answers the request, unless a function takes it after all.</summary>
    /// <param name="match">What the functions' routes say about it.</param>
    /// <param name="rateLimits">Of redirects that have one.</param>
    /// <returns>The function that takes it; outcome None when it is answered.</returns>
    public async Task<RouteMatch> AnswerAsync(
        HttpContext context, SiteSnapshot site, RequestTarget target, RouteMatch match, SiteRateLimits rateLimits, string requestId)
    {
        var path = UrlPath.Resolve(target.Path);
        var lookup = new FileLookup(site, context.Request.Method, path);
        try
        {
            match = lookup.Yield(match, target.Path);
            if (match.Outcome != RouteOutcome.None)
            {
                return match;
            }

            // Two slashes at the start name a host to some programs. Here they name nothing.
            if (path.StartsWith("//", StringComparison.Ordinal))
            {
                await ErrorResponses.WriteMissAsync(context, RouteOutcome.None, requestId);
                return RouteMatch.None;
            }

            var canonical = UrlPath.Canonical(path);
            var redirect = site.Redirects.Find(VisitorOf(context, site, target, canonical));
            if (redirect.Outcome == RedirectOutcome.Match && (redirect.Rule!.Force || lookup.Find() is null))
            {
                return redirect.Rule.RateLimit is { } limit && rateLimits.Take(context, site, target.HostName, ScopeOf(redirect.Rule), limit) is { } wait
                    ? await RefuseAsync(context, site, target, limit, wait, requestId)
                    : await FollowAsync(context, site, target, redirect, canonical, requestId);
            }

            if (redirect.Outcome != RedirectOutcome.Denied && lookup.Take() is { } file)
            {
                await StaticReply.SendAsync(context, file, StatusCodes.Status200OK, site.Headers, canonical);
                return RouteMatch.None;
            }

            if (redirect.Outcome == RedirectOutcome.Denied || !await forms.TryTakeAsync(context, site, target, requestId))
            {
                await MissAsync(context, site, redirect.Outcome == RedirectOutcome.Denied ? null : path, canonical, requestId);
            }

            return RouteMatch.None;
        }
        finally
        {
            lookup.Dispose();
        }
    }

    /// <summary>Answers with what another path of the site has, as a rewrite does.</summary>
    /// <param name="instead">A path, perhaps with a query.</param>
    /// <returns>The function that takes it; outcome None when it is answered.</returns>
    public static async Task<RouteMatch> AnswerInsteadAsync(HttpContext context, SiteSnapshot site, RequestTarget target, string instead, string requestId)
    {
        var end = instead.AsSpan().IndexOfAny('?', '#');
        var path = UrlPath.Resolve(end < 0 ? instead : instead[..end]);
        return await RewriteAsync(context, site, StatusCodes.Status200OK, path, UrlPath.Canonical(UrlPath.Resolve(target.Path)), requestId);
    }

    private static async Task<RouteMatch> RefuseAsync(
        HttpContext context, SiteSnapshot site, RequestTarget target, RateLimitRule limit, TimeSpan wait, string requestId)
    {
        if (limit.RewriteTo is { } instead)
        {
            return await AnswerInsteadAsync(context, site, target, instead, requestId);
        }

        await ErrorResponses.WriteAsync(context, SiteRateLimits.Refusal(wait), requestId, showDetails: false);
        return RouteMatch.None;
    }

    // No function's name has a space.
    private static string ScopeOf(RedirectRule rule) => $"redirect {rule.Host}{rule.From.Text}";

    private async Task<RouteMatch> FollowAsync(
        HttpContext context, SiteSnapshot site, RequestTarget target, RedirectMatch redirect, string path, string requestId)
    {
        var rule = redirect.Rule!;
        if (rule.IsRedirect)
        {
            context.Response.StatusCode = rule.Status;
            context.Response.Headers.Location = redirect.Target;
            context.Response.Headers.CacheControl = "no-cache";
            await TextReply.WriteAsync(context, $"Redirecting to {redirect.Target}");
            return RouteMatch.None;
        }

        var inside = redirect.Target;
        if (rule.To.IsAddress)
        {
            if (PathOnThisHost(context.Request, redirect.Target) is not { } own)
            {
                await proxy.ForwardAsync(context, site, rule, redirect.Target, requestId);
                return RouteMatch.None;
            }

            inside = own;
        }

        var end = inside.AsSpan().IndexOfAny('?', '#');
        inside = UrlPath.Resolve(end < 0 ? inside : inside[..end]);

        // A site of one page is rewritten to it everywhere, and is sent forms all the same.
        return site.Routes.Match(context.Request.Method, inside).Outcome == RouteOutcome.None && await forms.TryTakeAsync(context, site, target, requestId)
            ? RouteMatch.None
            : await RewriteAsync(context, site, rule.Status, inside, path, requestId);
    }

    // The functions are asked again, for the target; the redirects are not.
    private static async Task<RouteMatch> RewriteAsync(
        HttpContext context, SiteSnapshot site, int status, string target, string path, string requestId)
    {
        var lookup = new FileLookup(site, context.Request.Method, target);
        try
        {
            var match = lookup.Yield(site.Routes.Match(context.Request.Method, target), target);
            if (match is { Outcome: RouteOutcome.UnknownFunction, Function: not null })
            {
                // Netlify's words, with the status of the rewrite.
                context.Response.StatusCode = status;
                await TextReply.WriteAsync(context, "404 Not Found");
                return RouteMatch.None;
            }

            if (match.Outcome != RouteOutcome.None)
            {
                return match;
            }

            if (lookup.Take() is { } file)
            {
                await StaticReply.SendAsync(context, file, status, site.Headers, path);
                return RouteMatch.None;
            }

            await MissAsync(context, site, target, path, requestId);
            return RouteMatch.None;
        }
        finally
        {
            lookup.Dispose();
        }
    }

    /// <param name="filePath">Where a file may be that only another method gets; null: do not say.</param>
    private static async Task MissAsync(HttpContext context, SiteSnapshot site, string? filePath, string path, string requestId)
    {
        if (filePath is not null && !StaticReply.Takes(context.Request.Method))
        {
            using var other = StaticFile.Open(site.Files, filePath);
            if (other is not null)
            {
                await StaticReply.RefuseMethodAsync(context);
                return;
            }
        }

        if (StaticFile.Open(site.Files, NotFoundPage) is { } page)
        {
            await StaticReply.SendAsync(context, page, StatusCodes.Status404NotFound, site.Headers, path);
            return;
        }

        await ErrorResponses.WriteMissAsync(context, RouteOutcome.None, requestId);
    }

    private Visitor VisitorOf(HttpContext context, SiteSnapshot site, RequestTarget target, string path)
    {
        var query = target.Url.IndexOf('?', StringComparison.Ordinal);
        var fragment = target.Url.IndexOf('#', StringComparison.Ordinal);
        return new Visitor
        {
            Scheme = context.Request.Scheme,
            Host = RequestTarget.HostOf(context.Request),
            Path = RulePath.Of(path),
            Query = query < 0 || (fragment >= 0 && fragment < query) ? "" : fragment < 0 ? target.Url[(query + 1)..] : target.Url[(query + 1)..fragment],
            Cookies = string.Join("; ", context.Request.Headers.Cookie.ToArray()),
            AcceptLanguage = string.Join(',', context.Request.Headers.AcceptLanguage.ToArray()),
            Country = site.Geo.Country?.Code,
            RoleTokens = site.RoleTokens,
            Now = clock.GetUtcNow(),
        };
    }

    // A rewrite to the site's own address needs no connection.
    private static string? PathOnThisHost(HttpRequest request, string target) =>
        Uri.TryCreate(target, UriKind.Absolute, out var address)
        && string.Equals(address.Authority, RequestTarget.HostOf(request), StringComparison.OrdinalIgnoreCase)
        && string.Equals(address.Scheme, request.Scheme, StringComparison.OrdinalIgnoreCase)
            ? address.PathAndQuery
            : null;

    /// <summary>The file at a path, looked for when the first step asks and once only.</summary>
    private sealed class FileLookup(SiteSnapshot site, string method, string path) : IDisposable
    {
        private StaticFile? _file;
        private bool _isDone;

        /// <summary>Null for methods that no file answers.</summary>
        public StaticFile? Find()
        {
            if (!_isDone)
            {
                _isDone = true;
                _file = StaticReply.Takes(method) ? StaticFile.Open(site.Files, path) : null;
            }

            return _file;
        }

        /// <summary>The file, which the caller closes.</summary>
        public StaticFile? Take()
        {
            var file = Find();
            _file = null;
            return file;
        }

        /// <summary>The first match that does not yield to the file.</summary>
        public RouteMatch Yield(RouteMatch match, string routedPath)
        {
            while (match is { Outcome: RouteOutcome.Function, Function.PreferStatic: true, Order: >= 0 } && Find() is not null)
            {
                match = site.Routes.Match(method, routedPath, match);
            }

            return match;
        }

        public void Dispose() => _file?.Dispose();
    }
}
