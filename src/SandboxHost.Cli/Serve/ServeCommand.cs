using System.CommandLine;
using Microsoft.Extensions.Logging;
using SandboxHost.Deployments;
using SandboxHost.Server;

namespace SandboxHost.Cli.Serve;

/// <summary>`sandboxhost serve --data DIR`: serves the sites that are deployed to it.</summary>
internal static class ServeCommand
{
    private const int DefaultPort = 8888;

    private static readonly Option<int> Port = new("--port", "-p")
    {
        Description = "Port to listen at; 0 picks one.",
        DefaultValueFactory = _ => DefaultPort,
    };

    private static readonly Option<Uri?> PublicUrl = new("--public-url")
    {
        HelpName = "URL",
        Description = "Scheme, domain and port by which clients reach the sites, each at a name below. Default: http://localhost at the port.",
        CustomParser = result =>
        {
            if (Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.PathAndQuery == "/" && url.HostNameType == UriHostNameType.Dns)
            {
                return url;
            }

            result.AddError($"--public-url {result.Tokens[0].Value}: expected something like https://example.org");
            return null;
        },
    };

    private static readonly Option<int> KeepDeploys = new("--keep-deploys")
    {
        Description = "Deploys of a site that are kept beside the published one.",
        DefaultValueFactory = _ => new DeployLimits().Kept,
    };

    public static Command Create()
    {
        var command = new Command("serve", "Serves the sites that are deployed to it.") { DataDirectory.Option, Port, PublicUrl, KeepDeploys };
        foreach (var option in HostArguments.All)
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
        return HostArguments.RunAsync(arguments, severalSites: true, mistakes, (output, loggers) => ServeAsync(options!, output, loggers, cancellationToken));
    }

    private static async Task ServeAsync(ServeHostOptions options, ConsoleOutput output, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        await using var host = await ServeHost.StartAsync(options, output, loggers, TimeProvider.System, cancellationToken);
        output.Say($"Serving {options.DataDirectory}: {host.PublicUrl.GetLeftPart(UriPartial.Authority)}", "green");
        foreach (var address in host.Addresses)
        {
            output.Say($"  listening at {address}");
        }

        foreach (var site in host.Sites)
        {
            output.Say($"  site {site.Name}: {host.UrlOf(site)}{(site.PublishedDeployId is null ? " (nothing is published)" : "")}");
        }

        if (host.Sites.Count == 0)
        {
            output.Say($"No sites yet. In a site's folder: sandboxhost deploy --data {options.DataDirectory} --create-site NAME --prod");
        }

        await HostArguments.WaitForStopAsync(output, cancellationToken);
    }

    private static ServeHostOptions? ReadOptions(ParseResult arguments, List<string> mistakes)
    {
        if (Installation.Find() is not { } files)
        {
            mistakes.Add(Installation.Missing);
            return null;
        }

        mistakes.AddRange(files.Missing());
        if (arguments.GetValue(DataDirectory.Option) is not { } data)
        {
            mistakes.Add(DataDirectory.Missing);
            return null;
        }

        var options = new ServeHostOptions
        {
            Files = files,
            DataDirectory = data.FullName,
            PublicUrl = arguments.GetValue(PublicUrl),
            Listen = HostArguments.ReadListen(arguments, arguments.GetValue(Port), mistakes),
            EgressAllow = arguments.GetValue(EgressArguments.Allow) ?? [],
            Deploys = new DeployLimits { Kept = Math.Max(0, arguments.GetValue(KeepDeploys)) },
        };
        return HostArguments.Over(options, arguments, mistakes);
    }
}
