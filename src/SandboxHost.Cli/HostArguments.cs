using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using SandboxHost.Background;
using SandboxHost.Deployments;
using SandboxHost.Runs;
using SandboxHost.Sandboxes;
using SandboxHost.Server;
using SandboxHost.Sites.Config;
using Spectre.Console;

namespace SandboxHost.Cli;

/// <summary>What `dev` and `serve` have in common: options of every host, and how a host is run from a terminal.</summary>
internal static class HostArguments
{
    private const int OutputBufferBytes = 64 << 10;

    public static readonly Option<IPAddress> Address = new("--address")
    {
        Description = "Address to listen at.",
        DefaultValueFactory = _ => IPAddress.Loopback,
        CustomParser = ParseAddress,
    };

    public static readonly Option<int?> Http2Port = new("--http2-port") { Description = "Port for HTTP/2 without TLS (prior knowledge)." };

    public static readonly Option<int?> TlsPort = new("--tls-port") { Description = "Port for HTTP/1.1 and HTTP/2 with TLS; needs --tls-cert and --tls-key." };

    public static readonly Option<FileInfo?> TlsCertificate = new("--tls-cert") { Description = "PEM file of the certificate." };

    public static readonly Option<FileInfo?> TlsKey = new("--tls-key") { Description = "PEM file of its key." };

    public static readonly Option<string[]> Limits = new("--limit")
    {
        Description = "NAME=VALUE: a limit for all sites, such as streaming_time=30s. May be given more than once.",
    };

    public static readonly Option<IsolationMode> Isolation = new("--isolation")
    {
        Description = "How workers are isolated.",
        DefaultValueFactory = _ => HostOptions.DefaultIsolation,
    };

    public static readonly Option<int> Placeholders = new("--placeholders") { Description = "Sandboxes that stand ready.", DefaultValueFactory = _ => 2 };

    public static readonly Option<int?> MaxPlaceholders = new("--max-placeholders")
    {
        Description = "Sandboxes that stand ready at most, for a minute after as many cold starts came within a second. Default: four times --placeholders.",
    };

    public static readonly Option<int?> MaxWorkers = new("--max-workers")
    {
        Description = "Workers that live at a time, of all functions. Default: what the machine's memory and the descriptor limit allow.",
    };

    public static readonly Option<double?> FreezeAfter = new("--freeze-after") { Description = "Seconds of idleness after which a worker is frozen." };

    public static readonly Option<double?> KeepAlive = new("--keep-alive") { Description = "Seconds of idleness after which a worker goes." };

    public static readonly Option<long> StoreSize = new("--background-store-size")
    {
        Description = "What the store of background runs may grow to, such as 500mb.",
        DefaultValueFactory = _ => new BackgroundOptions().MaxStoreBytes,
        CustomParser = ParseSize,
    };

    public static readonly Option<bool> Quiet = new("--quiet", "-q") { Description = "Say nothing of single requests." };

    public static readonly Option<double> KeepRuns = new("--keep-runs")
    {
        HelpName = "DAYS",
        Description = "How long the records of runs that ended well are kept.",
        DefaultValueFactory = _ => new RetentionOptions().Ended.TotalDays,
    };

    public static readonly Option<bool> Verbose = new("--verbose", "-v") { Description = "Say what the host itself does." };

    public static IEnumerable<Option> All =>
    [
        Address, Http2Port, TlsPort, TlsCertificate, TlsKey, Limits, Isolation, Placeholders, MaxPlaceholders, MaxWorkers, FreezeAfter, KeepAlive, .. EgressArguments.All, StoreSize, KeepRuns, Quiet, Verbose,
    ];

    public static ListenOptions ReadListen(ParseResult arguments, int port, List<string> mistakes)
    {
        var (certificate, key) = (arguments.GetValue(TlsCertificate), arguments.GetValue(TlsKey));
        if (arguments.GetValue(TlsPort) is not null && (certificate is null || key is null))
        {
            mistakes.Add("--tls-port needs --tls-cert and --tls-key");
        }

        return new ListenOptions
        {
            Address = arguments.GetValue(Address)!,
            Port = port,
            Http2Port = arguments.GetValue(Http2Port),
            TlsPort = arguments.GetValue(TlsPort),
            TlsFiles = certificate is null || key is null ? null : (certificate.FullName, key.FullName),
        };
    }

    /// <summary>Options with everything that does not depend on where the sites come from.</summary>
    public static T Over<T>(T options, ParseResult arguments, List<string> mistakes)
        where T : HostOptions => (T)(options with
        {
            Limits = ReadSettings(Limits, arguments.GetValue(Limits) ?? [], FunctionLimits.Default, LimitsReader.Set, LimitsReader.RuleOf, mistakes),
            Egress = EgressArguments.Read(arguments.GetValue(EgressArguments.Limits) ?? [], arguments.GetValue(EgressArguments.HostAddress) ?? [], mistakes),
            Isolation = arguments.GetValue(Isolation),
            Placeholders = Math.Max(0, arguments.GetValue(Placeholders)),
            MaxPlaceholders = arguments.GetValue(MaxPlaceholders),
            MaxWorkers = arguments.GetValue(MaxWorkers) is { } most ? Math.Max(1, most) : null,
            FreezeAfter = Seconds(arguments.GetValue(FreezeAfter)),
            KeepAlive = Seconds(arguments.GetValue(KeepAlive)),
            LogRequests = !arguments.GetValue(Quiet),
            Background = options.Background with
            {
                MaxStoreBytes = arguments.GetValue(StoreSize),
                Retention = new RetentionOptions { Ended = TimeSpan.FromDays(Math.Clamp(arguments.GetValue(KeepRuns), 0, 3650)) },
            },
            UserRuntimeDirectory = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR"),
        });

    /// <summary>Runs a host until the token is cancelled, and says in a line why it can't.</summary>
    /// <param name="severalSites">Lines of functions name their site.</param>
    /// <param name="mistakes">What was wrong with the arguments: then nothing runs.</param>
    public static async Task<int> RunAsync(ParseResult arguments, bool severalSites, IReadOnlyList<string> mistakes, Func<ConsoleOutput, ILoggerFactory, Task> run)
    {
        var capabilities = AnsiConsole.Create(new AnsiConsoleSettings()).Profile.Capabilities;
        await using var console = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), OutputBufferBytes);
        await using var output = new ConsoleOutput(console, capabilities is { Ansi: true, ColorSystem: not ColorSystem.NoColors }) { NamesSites = severalSites };
        if (mistakes.Count > 0)
        {
            foreach (var mistake in mistakes)
            {
                output.Say(mistake, "red");
            }

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
            if (arguments.GetValue(Isolation) == IsolationMode.None)
            {
                output.Say("Functions run without a sandbox: they can read this user's files and reach the network.", "yellow");
            }
            else if (arguments.GetValue(Isolation) == IsolationMode.JobObject)
            {
                output.Say("Functions run within limits of memory, processor time and processes; they can read this user's files and reach the network.", "yellow");
            }

            await run(output, loggers);
            return 0;
        }
        catch (SandboxException ex)
        {
            output.Say(ex.Message, "red");
            output.Say("`sandboxhost doctor` shows what this machine can do; `--isolation none` runs functions without a sandbox.");
            return 1;
        }
        catch (RunStoreException ex)
        {
            output.Say($"The store of the host can't be used: {ex.Message}", "red");
            return 1;
        }
        catch (Exception ex) when (ex is IOException or UnauthorizedAccessException)
        {
            output.Say(ex.Message, "red");
            if (ex.InnerException is AddressInUseException)
            {
                output.Say("Another program listens there; --port or --inspect=PORT chooses another port, 0 a free one.");
            }

            return 1;
        }
    }

    /// <summary>Until SIGINT or SIGTERM.</summary>
    public static async Task WaitForStopAsync(ConsoleOutput output, CancellationToken cancellationToken)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken).ContinueWith(
            _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        output.Say("Stopping");
    }

    public static (string Name, string? Value) Split(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? (text, null) : (text[..equals], text[(equals + 1)..]);
    }

    /// <summary>Settings with each NAME=VALUE of an option laid over them.</summary>
    /// <param name="set">Settings with a value set; null when the name or the value is not legal.</param>
    /// <param name="ruleOf">What is legal for a name.</param>
    /// <param name="mistakes">Takes one sentence for each text that is not.</param>
    public static T ReadSettings<T>(
        Option option, IEnumerable<string> texts, T settings, Func<T, string, string, T?> set, Func<string, string> ruleOf, List<string> mistakes)
        where T : class
    {
        foreach (var text in texts)
        {
            var (name, value) = Split(text);
            if (value is not null && set(settings, name, value) is { } next)
            {
                settings = next;
            }
            else
            {
                mistakes.Add($"{option.Name} {text}: {ruleOf(name)}");
            }
        }

        return settings;
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
