using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using SandboxHost.Deployments;
using SandboxHost.Schedules;

namespace SandboxHost.Cli.Functions;

/// <summary>`sandboxhost functions invoke`: calls a function of the dev server that runs here, as Netlify's CLI does (reference §13).</summary>
internal static class InvokeCommand
{
    private static readonly Argument<string?> Name = new("NAME") { Description = "The function.", Arity = ArgumentArity.ZeroOrOne };

    private static readonly Option<string?> NameOption = new("--name", "-n") { HelpName = "NAME", Description = "The function, as an option." };

    private static readonly Option<string?> Payload = new("--payload", "-p") { HelpName = "JSON|FILE", Description = "The body: JSON, or a JSON file. Default: {}" };

    private static readonly Option<string?> Query = new("--querystring", "-q") { HelpName = "QUERY", Description = "Such as 'a=1&b=2'." };

    private static readonly Option<string?> PathOption = new("--path") { HelpName = "PATH", Description = "Which of its paths to ask, when they have parameters: /tickets/concert" };

    private static readonly Option<bool> Identity = new("--identity") { Description = "Send a made-up user's token." };

    private static readonly Option<bool> NoIdentity = new("--no-identity") { Description = "Send none; the default." };

    private static readonly Option<int> Port = new("--port") { Description = "The dev server's port.", DefaultValueFactory = _ => 8888 };

    private static readonly Option<string?> Functions = FunctionsCommand.FunctionsDirectory();

    private static readonly Option<DirectoryInfo> Folder = FunctionsCommand.SiteFolder();

    private static readonly Option<bool> Offline = new("--offline", "-o") { Description = "No effect: the host never asks anybody. Taken for users of the Netlify CLI." };

    public static Command Create()
    {
        var command = new Command("invoke", "Calls a function of the dev server that runs on this machine, and prints what it answers.")
        {
            Name, NameOption, Payload, Query, PathOption, Identity, NoIdentity, Port, Functions, Folder, Offline,
        };
        command.Aliases.Add("trigger");
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var (argument, option) = (arguments.GetValue(Name), arguments.GetValue(NameOption));
        if (argument is not null && option is not null && argument != option)
        {
            return FunctionsCommand.Fail($"The function's name is given twice, as {argument} and as {option}: leave one out.");
        }

        if (arguments.GetValue(Identity) && arguments.GetValue(NoIdentity))
        {
            return FunctionsCommand.Fail("--identity and --no-identity exclude each other.");
        }

        if (await FunctionsCommand.ReadSiteAsync(arguments.GetValue(Folder)!, arguments.GetValue(Functions), cancellationToken) is not { } reading)
        {
            return 1;
        }

        if (FunctionChoice.Choose(argument ?? option, reading) is not { } function)
        {
            return 1;
        }

        var payload = PayloadReader.Read(arguments.GetValue(Payload), arguments.GetValue(Folder)!.FullName, out var mistake);
        if (mistake is not null || RouteFor(function, arguments.GetValue(PathOption), out mistake) is not { } route)
        {
            return FunctionsCommand.Fail(mistake!);
        }

        using var request = RequestFor(function, route, payload, arguments);
        return await SendAsync(request, arguments.GetValue(Port), cancellationToken);
    }

    /// <summary>Where to call the function: its default URL, or, when it has paths of its own, the first without parameters.</summary>
    private static (string Path, string Method)? RouteFor(FunctionVersion function, string? path, out string? mistake)
    {
        mistake = null;
        var route = path is null
            ? function.Routes.FirstOrDefault(candidate => candidate.Pattern.IsLiteral)
            : function.Routes.FirstOrDefault(candidate => candidate.Pattern.Matches(path));
        if (function.Routes.Count == 0 && path is null)
        {
            return ($"/.netlify/functions/{function.Name}", "POST");
        }

        if (route is null)
        {
            var paths = function.Routes.Count == 0 ? $"/.netlify/functions/{function.Name}" : string.Join(" and ", function.Routes.Select(candidate => candidate.Pattern.Text));
            mistake = path is null
                ? $"{function.Name} answers at {paths} only; say which with --path."
                : $"{function.Name} does not answer at {path}, but at {paths}.";
            return null;
        }

        return (path ?? route.Pattern.Text, route.Allows("POST") ? "POST" : route.Methods[0]);
    }

    private static HttpRequestMessage RequestFor(
        FunctionVersion function, (string Path, string Method) route, PayloadReader.Payload? payload, ParseResult arguments)
    {
        var query = arguments.GetValue(Query)?.TrimStart('?');
        var url = string.Create(CultureInfo.InvariantCulture, $"http://localhost:{arguments.GetValue(Port)}{route.Path}{(string.IsNullOrEmpty(query) ? "" : "?" + query)}");
        var request = new HttpRequestMessage(new HttpMethod(route.Method), url);
        if (route.Method is not ("GET" or "HEAD" or "DELETE" or "OPTIONS") || payload is not null)
        {
            request.Content = new StringContent(EventSamples.BodyFor(function.Name, payload?.Text, TimeProvider.System.GetUtcNow()), null, "application/json");
        }

        request.Headers.UserAgent.ParseAdd("sandboxhost");
        if (function.Kind == FunctionKind.Scheduled)
        {
            request.Headers.UserAgent.Clear();
            request.Headers.TryAddWithoutValidation("User-Agent", ScheduleTick.UserAgent);
            request.Headers.Add("X-NF-Event", "schedule");
        }

        if (arguments.GetValue(Identity))
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", MadeUpUser.Token(TimeProvider.System.GetUtcNow()));
        }

        return request;
    }

    private static async Task<int> SendAsync(HttpRequestMessage request, int port, CancellationToken cancellationToken)
    {
        using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        try
        {
            using var reply = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            await PrintAsync(reply, cancellationToken);
            return Judge(reply);
        }
        catch (HttpRequestException ex) when (ex.InnerException is SocketException)
        {
            return FunctionsCommand.Fail(string.Create(
                CultureInfo.InvariantCulture, $"Nothing listens at localhost:{port}. Start it with `sandboxhost dev`, or give its --port."));
        }
        catch (Exception ex) when (ex is HttpRequestException or IOException)
        {
            return FunctionsCommand.Fail($"The reply broke off: {ex.Message}");
        }
        catch (OperationCanceledException)
        {
            return FunctionsCommand.Fail("Stopped.");
        }
    }

    // As it comes: a stream shows as it is written.
    private static async Task PrintAsync(HttpResponseMessage reply, CancellationToken cancellationToken)
    {
        await using var output = Console.OpenStandardOutput();
        await using var body = await reply.Content.ReadAsStreamAsync(cancellationToken);
        var buffer = new byte[16 * 1024];
        var last = (byte)'\n';
        int read;
        while ((read = await body.ReadAsync(buffer, cancellationToken)) > 0)
        {
            await output.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            await output.FlushAsync(cancellationToken);
            last = buffer[read - 1];
        }

        if (last != '\n')
        {
            await output.WriteAsync("\n"u8.ToArray(), cancellationToken);
        }
    }

    private static int Judge(HttpResponseMessage reply)
    {
        var status = (int)reply.StatusCode;
        switch (reply.StatusCode)
        {
            case HttpStatusCode.Accepted when reply.Content.Headers.ContentLength is 0:
                FunctionsCommand.Say("Accepted: it runs in the background.");
                return 0;
            case >= HttpStatusCode.InternalServerError:
                return FunctionsCommand.Fail(string.Create(CultureInfo.InvariantCulture, $"The function answered with status {status}."));
            case >= HttpStatusCode.MultipleChoices:
                var location = reply.Headers.Location is { } target ? $", to {target}" : "";
                FunctionsCommand.Say(string.Create(CultureInfo.InvariantCulture, $"The function answered with status {status}{location}."), "yellow");
                return 0;
            default:
                return 0;
        }
    }
}
