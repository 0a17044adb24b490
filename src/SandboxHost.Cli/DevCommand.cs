using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using SandboxHost.Background;
using SandboxHost.Cli.Dev;
using SandboxHost.Deployments;
using SandboxHost.Runs;
using SandboxHost.Sandboxes;
using SandboxHost.Server;
using SandboxHost.Sites;
using Spectre.Console;

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

    private static readonly Option<IPAddress> Address = new("--address")
    {
        Description = "Address to listen at.",
        DefaultValueFactory = _ => IPAddress.Loopback,
        CustomParser = ParseAddress,
    };

    private static readonly Option<int?> Http2Port = new("--http2-port") { Description = "Port for HTTP/2 without TLS (prior knowledge)." };

    private static readonly Option<int?> TlsPort = new("--tls-port") { Description = "Port for HTTP/1.1 and HTTP/2 with TLS; needs --tls-cert and --tls-key." };

    private static readonly Option<FileInfo?> TlsCertificate = new("--tls-cert") { Description = "PEM file of the certificate." };

    private static readonly Option<FileInfo?> TlsKey = new("--tls-key") { Description = "PEM file of its key." };

    private static readonly Option<string[]> Sites = new("--site")
    {
        Description = "NAME=DIR: a further site, at http://NAME.localhost:PORT. May be given more than once.",
    };

    private static readonly Option<string[]> Limits = new("--limit")
    {
        Description = "NAME=VALUE: a limit for all sites, such as streaming_time=30s. May be given more than once.",
    };

    private static readonly Option<string[]> EgressAllow = new("--egress-allow")
    {
        Description = "HOST:PORT or a network: a private address that functions may reach. May be given more than once.",
    };

    private static readonly Option<IsolationMode> Isolation = new("--isolation")
    {
        Description = "How workers are isolated.",
        DefaultValueFactory = _ => DevHostOptions.DefaultIsolation,
    };

    private static readonly Option<int> Placeholders = new("--placeholders") { Description = "Sandboxes that stand ready.", DefaultValueFactory = _ => 2 };

    private static readonly Option<double?> FreezeAfter = new("--freeze-after") { Description = "Seconds of idleness after which a worker is frozen." };

    private static readonly Option<double?> KeepAlive = new("--keep-alive") { Description = "Seconds of idleness after which a worker goes." };

    private static readonly Option<bool> Schedules = new("--schedules") { Description = "Schedules tick. (Otherwise a scheduled function runs when its URL is asked for.)" };

    private static readonly Option<long> StoreSize = new("--background-store-size")
    {
        Description = "What the store of background runs may grow to, such as 500mb.",
        DefaultValueFactory = _ => new BackgroundOptions().MaxStoreBytes,
        CustomParser = ParseSize,
    };

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

    private static readonly Option<bool> Quiet = new("--quiet", "-q") { Description = "Say nothing of single requests." };

    private static readonly Option<double> KeepRuns = new("--keep-runs")
    {
        HelpName = "DAYS",
        Description = "How long the records of runs that ended well are kept.",
        DefaultValueFactory = _ => new RetentionOptions().Ended.TotalDays,
    };

    private static readonly Option<bool> Verbose = new("--verbose", "-v") { Description = "Say what the host itself does." };

    public static Command Create()
    {
        var command = new Command("dev", "Serves a site folder's functions from this machine and picks up every edit.")
        {
            Folder, Port, Address, Context, Functions, Publish, Sites, Limits, Isolation, Placeholders, FreezeAfter, KeepAlive, EgressAllow,
            Http2Port, TlsPort, TlsCertificate, TlsKey, Inspect, Geo, Country, Quiet, Schedules, StoreSize, KeepRuns, Verbose,
        };
        foreach (var option in NetlifyOptions.All)
        {
            command.Add(option);
        }

        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings());
        console.Profile.Width = 32_000;
        await using var output = new ConsoleOutput(console);
        var mistakes = new List<string>();
        var options = ReadOptions(arguments, mistakes);
        mistakes.AddRange(options?.Files.Missing() ?? []);
        if (options is null || mistakes.Count > 0)
        {
            mistakes.ForEach(mistake => output.Say(mistake, "red"));
            return 2;
        }

        using var loggers = LoggerFactory.Create(logging => logging
            .SetMinimumLevel(arguments.GetValue(Verbose) ? LogLevel.Debug : LogLevel.Warning)
            .AddFilter("Microsoft", LogLevel.Warning)
            // It only says at length what the command is about to say itself.
            .AddFilter("Microsoft.Extensions.Hosting", LogLevel.None)
            .AddFilter("Grpc", LogLevel.Warning)
            .AddProvider(new ConsoleLoggerProvider(output)));
        try
        {
            return await ServeAsync(options, output, loggers, cancellationToken);
        }
        catch (SandboxException ex)
        {
            output.Say(ex.Message, "red");
            output.Say("`sandboxhost doctor` shows what this machine can do; `--isolation none` runs functions without a sandbox.");
            return 1;
        }
        catch (RunStoreException ex)
        {
            output.Say($"The store of background runs can't be used: {ex.Message}", "red");
            return 1;
        }
        catch (IOException ex)
        {
            output.Say(ex.Message, "red");
            if (ex.InnerException is AddressInUseException)
            {
                output.Say("Another program listens there; --port or --inspect=PORT chooses another port, 0 a free one.");
            }

            return 1;
        }
    }

    private static async Task<int> ServeAsync(DevHostOptions options, ConsoleOutput output, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        if (options.Isolation == IsolationMode.None)
        {
            output.Say("Functions run without a sandbox: they can read this user's files and reach the network.", "yellow");
        }
        else if (options.Isolation == IsolationMode.JobObject)
        {
            output.Say("Functions run within limits of memory, processor time and processes; they can read this user's files and reach the network.", "yellow");
        }

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

        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken).ContinueWith(
            _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        output.Say("Stopping");
        return 0;
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
            var (name, directory) = Split(text);
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
        var certificate = arguments.GetValue(TlsCertificate);
        var key = arguments.GetValue(TlsKey);
        if (arguments.GetValue(TlsPort) is not null && (certificate is null || key is null))
        {
            mistakes.Add("--tls-port needs --tls-cert and --tls-key");
        }

        if (Installation.Find() is not { } files)
        {
            mistakes.Add(Installation.Missing);
            return null;
        }

        return new DevHostOptions
        {
            Files = files,
            Sites = sites,
            Listen = new ListenOptions
            {
                Address = arguments.GetValue(Address)!,
                Port = arguments.GetValue(Port) ?? SiteConfigurationReader.ReadPort(sites[0].Directory, arguments.GetValue(Context)!) ?? DefaultPort,
                Http2Port = arguments.GetValue(Http2Port),
                TlsPort = arguments.GetValue(TlsPort),
                TlsFiles = certificate is null || key is null ? null : (certificate.FullName, key.FullName),
            },
            Limits = ReadLimits(arguments.GetValue(Limits) ?? [], mistakes),
            Isolation = arguments.GetValue(Isolation),
            Placeholders = Math.Max(0, arguments.GetValue(Placeholders)),
            FreezeAfter = Seconds(arguments.GetValue(FreezeAfter)),
            KeepAlive = Seconds(arguments.GetValue(KeepAlive)),
            EgressAllow = arguments.GetValue(EgressAllow) ?? [],
            Background = new BackgroundOptions
            {
                Scheduler = new SchedulerOptions { TicksUnpublished = arguments.GetValue(Schedules) },
                MaxStoreBytes = arguments.GetValue(StoreSize),
                Retention = new RetentionOptions { Ended = TimeSpan.FromDays(Math.Clamp(arguments.GetValue(KeepRuns), 0, 3650)) },
            },
            InspectPort = arguments.GetResult(Inspect) is null ? null : arguments.GetValue(Inspect) ?? DefaultInspectPort,
            Geo = geo ?? GeoLocation.Mock,
            LogRequests = !arguments.GetValue(Quiet),
            Context = arguments.GetValue(Context)!,
            FunctionsDirectory = arguments.GetValue(Functions),
            PublishDirectory = arguments.GetValue(Publish),
            ProcessEnvironment = Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>()
                .ToDictionary(item => (string)item.Key, item => (string?)item.Value ?? "", StringComparer.Ordinal),
            UserRuntimeDirectory = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR"),
        };
    }

    private static FunctionLimits ReadLimits(string[] texts, List<string> mistakes)
    {
        var limits = FunctionLimits.Default;
        foreach (var text in texts)
        {
            var (name, value) = Split(text);
            if (value is not null && LimitsReader.Set(limits, name, value) is { } next)
            {
                limits = next;
            }
            else
            {
                mistakes.Add($"--limit {text}: {LimitsReader.RuleOf(name)}");
            }
        }

        return limits;
    }

    private static (string Name, string? Value) Split(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? (text, null) : (text[..equals], text[(equals + 1)..]);
    }

    private static TimeSpan? Seconds(double? value) => value is null ? null : TimeSpan.FromSeconds(value.Value);

    private static long ParseSize(ArgumentResult result)
    {
        if (LimitsReader.ReadSize(result.Tokens[0].Value) is { } size)
        {
            return size;
        }

        result.AddError($"'{result.Tokens[0].Value}' is not a size such as '500mb'");
        return 0;
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

    private static IPAddress? ParseAddress(ArgumentResult result)
    {
        if (IPAddress.TryParse(result.Tokens[0].Value, out var address))
        {
            return address;
        }

        result.AddError($"'{result.Tokens[0].Value}' is not an IP address");
        return null;
    }
}
