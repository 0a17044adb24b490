using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Microsoft.Extensions.Logging;
using SandboxHost.Background;
using SandboxHost.Cli.Dev;
using SandboxHost.Deployments;
using SandboxHost.Server;
using SandboxHost.Sites;
using SandboxHost.Sites.Settings;

namespace SandboxHost.Cli;

/// <summary>`sandboxhost dev DIR`: serves site folders from this machine, with the limits and the isolation of production.</summary>
internal static class DevCommand
{
    private const int DefaultInspectPort = 9229;

    private static readonly Argument<DirectoryInfo> Folder = new("DIR")
    {
        Description = "The site's folder. Its functions are in netlify/functions.",
        DefaultValueFactory = _ => new DirectoryInfo("."),
    };

    private const int DefaultPort = 8888;

    private static readonly Option<int?> Port = new("--port", "-p")
    {
        Description = $"Port to listen at; 0 picks one. Default: [dev] port of the site's netlify.toml, else {DefaultPort}.",
    };

    private static readonly Option<string> Context = new("--context")
    {
        Description = "Deploy context whose settings hold: dev, production, deploy-preview, branch-deploy, branch:NAME.",
        DefaultValueFactory = _ => DeployContext.Dev,
    };

    private static readonly Option<string?> Functions = new("--functions", "-f") { Description = "Where the site's functions lie, relative to its folder." };

    private static readonly Option<string?> Publish = new("--dir", "-d") { Description = "What the site publishes, relative to its folder." };

    private static readonly Option<string[]> Sites = new("--site")
    {
        Description = "NAME=DIR: a further site, at http://NAME.localhost:PORT. May be given more than once.",
    };

    private static readonly Option<bool> Schedules = new("--schedules") { Description = "Schedules tick. (Otherwise a scheduled function runs when its URL is asked for.)" };

    private static readonly Option<int?> Inspect = new("--inspect")
    {
        HelpName = "PORT",
        Description = "Lets debuggers attach to functions at 127.0.0.1:PORT (9229); while they may, nothing has a time limit.",
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = ParseInspectPort,
    };

    private static readonly Option<string?> Geo = new("--geo")
    {
        HelpName = "mock|FILE|JSON",
        Description = "Where clients appear to be: context.geo. Default: mock, which is San Francisco.",
    };

    private static readonly Option<string?> Country = new("--country") { HelpName = "CODE", Description = "Two letters: clients appear to be in this country." };

    public static Command Create()
    {
        var command = new Command("dev", "Serves a site folder's functions from this machine and picks up every edit.")
        {
            Folder, Port, Context, Functions, Publish, Sites, Inspect, Geo, Country, Schedules,
        };
        foreach (var option in HostArguments.All.Concat(NetlifyOptions.All))
        {
            command.Add(option);
        }

        command.SetAction(RunAsync);
        return command;
    }

    private static Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var mistakes = new List<string>();
        var options = ReadOptions(arguments, mistakes);
        mistakes.AddRange(options?.Files.Missing() ?? []);
        return HostArguments.RunAsync(arguments, severalSites: false, mistakes, (output, loggers) => ServeAsync(options!, output, loggers, cancellationToken));
    }

    private static async Task ServeAsync(DevHostOptions options, ConsoleOutput output, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var found = 0;
        void OnSiteEvent(SiteEvent siteEvent)
        {
            found++;
            Tell(output, siteEvent, options.Sites.Count > 1);
        }

        await using var host = await DevHost.StartAsync(options, output, OnSiteEvent, loggers, TimeProvider.System, cancellationToken);
        if (found == 0)
        {
            output.Say("No functions yet: a file in netlify/functions becomes one as soon as it is saved.", "yellow");
        }

        var address = new Uri(host.Addresses.First());
        output.Say(string.Create(CultureInfo.InvariantCulture, $"Local dev server ready: http://localhost:{address.Port}"), "green");
        foreach (var further in host.Addresses.Skip(1))
        {
            output.Say($"  also at {further}");
        }

        foreach (var site in options.Sites.Where(site => site.Name is not null))
        {
            output.Say(string.Create(CultureInfo.InvariantCulture, $"  site {site.Name}: http://{site.Name}.localhost:{address.Port}"));
        }

        if (host.InspectorAddress is { } inspector)
        {
            output.Say($"Debuggers attach at {inspector} (chrome://inspect, VS Code, …), to one function at ws://{inspector}/FUNCTION.", "green");
            output.Say("While they may, nothing has a time limit and each function has one worker: this is for debugging only.", "yellow");
        }

        await HostArguments.WaitForStopAsync(output, cancellationToken);
    }

    private static void Tell(ConsoleOutput output, SiteEvent siteEvent, bool nameSite)
    {
        var function = nameSite ? $"{siteEvent.Site}/{siteEvent.Function}" : siteEvent.Function;
        switch (siteEvent.Kind)
        {
            case SiteEventKind.Loaded:
                output.Say(siteEvent.Text.Length > 0 ? $"⬥ Loaded function {function} ({siteEvent.Text})" : $"⬥ Loaded function {function}");
                break;
            case SiteEventKind.Reloaded:
                output.Say($"⬥ Reloaded function {function}");
                break;
            case SiteEventKind.Removed:
                output.Say($"⬥ Removed function {function}");
                break;
            case SiteEventKind.Failed:
                output.Say($"⬥ Failed to load function {function}:\n{siteEvent.Text}", "red");
                break;
            case SiteEventKind.Warning:
                output.Say(siteEvent.Function.Length > 0 ? $"⬥ {function}: {siteEvent.Text}" : $"⬥ {siteEvent.Text}", "yellow");
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private static DevHostOptions? ReadOptions(ParseResult arguments, List<string> mistakes)
    {
        var sites = new List<SiteArgument> { new(null, arguments.GetValue(Folder)!.FullName) };
        foreach (var text in arguments.GetValue(Sites) ?? [])
        {
            var (name, directory) = HostArguments.Split(text);
            if (directory is null || Uri.CheckHostName(name) != UriHostNameType.Dns || name.Contains('.', StringComparison.Ordinal))
            {
                mistakes.Add($"--site {text}: expected NAME=DIR, with a name that a host name may hold");
                continue;
            }

            sites.Add(new SiteArgument(name, Path.GetFullPath(directory)));
        }

        mistakes.AddRange(sites.Where(site => !Directory.Exists(site.Directory)).Select(site => $"{site.Directory}: there is no such folder"));
        mistakes.AddRange(NetlifyOptions.Mistakes(arguments));
        var geo = GeoOption.Read(arguments.GetValue(Geo), arguments.GetValue(Country), mistakes);
        if (Installation.Find() is not { } files)
        {
            mistakes.Add(Installation.Missing);
            return null;
        }

        var port = arguments.GetValue(Port) ?? SiteConfigurationReader.ReadPort(sites[0].Directory, arguments.GetValue(Context)!) ?? DefaultPort;
        var options = new DevHostOptions
        {
            Files = files,
            Sites = sites,
            Listen = HostArguments.ReadListen(arguments, port, mistakes),
            EgressAllow = arguments.GetValue(EgressArguments.Allow) ?? [],
            Background = new BackgroundOptions { Scheduler = new SchedulerOptions { TicksUnpublished = arguments.GetValue(Schedules) } },
            InspectPort = arguments.GetResult(Inspect) is null ? null : arguments.GetValue(Inspect) ?? DefaultInspectPort,
            Geo = geo ?? GeoLocation.Mock,
            Context = arguments.GetValue(Context)!,
            FunctionsDirectory = arguments.GetValue(Functions),
            PublishDirectory = arguments.GetValue(Publish),
            ProcessEnvironment = Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>()
                .ToDictionary(item => (string)item.Key, item => (string?)item.Value ?? "", StringComparer.Ordinal),
        };
        return HostArguments.Over(options, arguments, mistakes);
    }

    private static int? ParseInspectPort(ArgumentResult result)
    {
        if (result.Tokens.Count == 0)
        {
            return DefaultInspectPort;
        }

        if (ushort.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var port))
        {
            return port;
        }

        result.AddError($"--inspect {result.Tokens[0].Value}: expected a port. If it is the site's folder, write it first: sandboxhost dev DIR --inspect");
        return null;
    }

}
