using Microsoft.AspNetCore.Http;
using SandboxHost.Invocations;
using SandboxHost.Schedules;

namespace SandboxHost.Gateway;

/// <summary>
/// What a developer sees who asks for a scheduled function by its URL: how the run went, and that it can't be asked for
/// on a deployed site (reference §6).
/// </summary>
internal static class ScheduledPage
{
    /// <summary>Answers with the page: 200 when the function ran to its end, whatever it returned, and 500 otherwise.</summary>
    public static async Task WriteAsync(HttpContext context, InvocationRequest request, IExchange exchange, DateTimeOffset now)
    {
        var isAskedByClockwork = context.Request.Headers.UserAgent.ToString().Equals(ScheduleTick.UserAgent, StringComparison.OrdinalIgnoreCase);
        var next = ScheduleTick.NextOf(request.Function, now);
        var page = new Page(request, exchange, isAskedByClockwork, next is { } tick ? ScheduleTick.TextOf(tick) : null);
        context.Response.StatusCode = exchange.Error is null ? StatusCodes.Status200OK : StatusCodes.Status500InternalServerError;
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.Vary = "Accept";
        if (AcceptedType.IsHtml(context.Request))
        {
            await ErrorResponses.WritePageAsync(context, page.AsHtml());
            return;
        }

        await TextReply.WriteAsync(context, page.AsText());
    }

    private sealed class Page(InvocationRequest request, IExchange exchange, bool isAskedByClockwork, string? nextRun)
    {
        private const string Failed = "There was an error during execution of your scheduled function:";
        private const string CodeMark = "`";

        private string Name => request.Function.Name;

        private IEnumerable<string> Paragraphs()
        {
            if (!isAskedByClockwork)
            {
                yield return $"You made an HTTP request to `{Name}`, which is a scheduled function. Here that runs it once, so that you can try it; "
                    + "in production its URL does not answer, and only its schedule runs it.";
            }

            if (exchange.Response is { } response)
            {
                yield return "It ran to its end.";
                if (response.Status >= StatusCodes.Status500InternalServerError)
                {
                    yield return $"It returned the status code `{response.Status}`. Nothing comes of that: the run is not repeated.";
                }

                if (IgnoredKeysOf(response) is { Count: > 0 } keys)
                {
                    yield return $"It returned {string.Join(" and ", keys.Select(key => $"`{key}`"))}. Is that a mistake? Nobody sees what a scheduled function returns.";
                }
            }

            if (nextRun is not null)
            {
                yield return $"Its schedule is `{request.Function.Schedule}`; the next run is due at `{nextRun}`.";
            }
        }

        public string AsText()
        {
            List<string> paragraphs = [.. Paragraphs()];
            if (exchange.Error is not null)
            {
                paragraphs.Insert(isAskedByClockwork ? 0 : 1, Failed);
                paragraphs.Insert(isAskedByClockwork ? 1 : 2, string.Join("\n    ", [Headline, .. Trace]));
            }

            return string.Concat(paragraphs.Select(paragraph => paragraph + "\n\n"));
        }

        public string AsHtml()
        {
            var markup = Paragraphs().Select(paragraph => $"<p>{WithCode(paragraph)}</p>\n").ToList();
            if (exchange.Error is not null)
            {
                markup.Insert(isAskedByClockwork ? 0 : 1, $"<p>{Failed}</p>\n<h2>{HostPage.Text(Headline)}</h2>\n{HostPage.Trace(Trace)}\n");
            }

            return HostPage.Of(Name, $"<h1>{HostPage.Text(Name)}</h1>\n{string.Concat(markup)}<footer>request <code>{request.RequestId}</code></footer>");
        }

        private string Headline
        {
            get
            {
                var error = exchange.Error!;
                var row = ErrorTable.Of(error.Code);
                return $"{error.Thrown?.Type ?? row.Type ?? row.Name}: {error.Thrown?.Message ?? error.Message}";
            }
        }

        private IReadOnlyList<string> Trace => exchange.Error!.Thrown?.Trace ?? [];

        // A type comes with every body that is a text, and a length with every body.
        private static List<string> IgnoredKeysOf(InvocationResponse response)
        {
            var keys = new List<string>();
            if (response.Headers.Where((_, index) => index % 2 == 0).Any(name => name is not ("content-type" or "content-length")))
            {
                keys.Add("headers");
            }

            if (response.IsStreamed || !response.Body.IsEmpty)
            {
                keys.Add("body");
            }

            return keys;
        }

        private static string WithCode(string paragraph)
        {
            var parts = HostPage.Text(paragraph).Split(CodeMark);
            return string.Concat(parts.Select((part, index) => index % 2 == 1 ? $"<code>{part}</code>" : part));
        }
    }
}
