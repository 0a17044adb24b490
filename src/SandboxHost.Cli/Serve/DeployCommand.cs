using System.CommandLine;
using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using SandboxHost.Cli.Functions;
using SandboxHost.Cli.Work;
using SandboxHost.Deployments;
using SandboxHost.Protocol.Control.V1;
using SandboxHost.Server;
using SandboxHost.Sites;
using SandboxHost.Sites.Bundles;
using SandboxHost.Sites.Deploys;
using SandboxHost.Sites.Settings;

using Deploy = SandboxHost.Protocol.Control.V1.Deploy;
using Site = SandboxHost.Protocol.Control.V1.Site;

namespace SandboxHost.Cli.Serve;

/// <summary>`sandboxhost deploy DIR`: builds a site folder, brings the host what it lacks, and has it served.</summary>
internal static class DeployCommand
{
    private const int PieceBytes = 512 * 1024;

    private static readonly Argument<DirectoryInfo> Folder = new("DIR")
    {
        Description = "The site's folder.",
        DefaultValueFactory = _ => new DirectoryInfo("."),
    };

    private static readonly Option<string?> SiteName = new("--site", "-s") { HelpName = "NAME", Description = "The site to deploy to. Default: the only one that there is." };

    private static readonly Option<string?> CreateSite = new("--create-site") { HelpName = "NAME", Description = "The site to deploy to, made if it is not there." };

    private static readonly Option<bool> Production = new("--prod", "-p") { Description = "Publish it when it is ready. Otherwise it is a preview at an address of its own." };

    private static readonly Option<string?> Alias = new("--alias") { HelpName = "NAME", Description = "A further name for a preview: NAME--SITE.DOMAIN." };

    private static readonly Option<string?> Context = new("--context") { HelpName = "NAME", Description = "Deploy context. Default: production with --prod, branch-deploy with --alias, else deploy-preview." };

    private static readonly Option<string> Message = new("--message", "-m") { HelpName = "TEXT", Description = "What is said of the deploy.", DefaultValueFactory = _ => "" };

    private static readonly Option<string?> Functions = FunctionsCommand.FunctionsDirectory();

    private static readonly Option<string?> Publish = new("--dir", "-d") { HelpName = "DIR", Description = "What the site publishes, relative to its folder." };

    private static readonly Option<string[]> Variables = new("--env") { HelpName = "NAME=VALUE", Description = "A variable for the functions; may be given more than once." };

    private static readonly Option<FileInfo?> VariablesFile = new("--env-file") { HelpName = "FILE", Description = "Variables for the functions, in the form of .env files." };

    private static readonly Option<bool> Json = HostCommand.Json();

    public static Command Create()
    {
        var command = new Command("deploy", "Builds a site folder and deploys it to a host.")
        {
            Folder, DataDirectory.Option, SiteName, CreateSite, Production, Alias, Context, Message, Functions, Publish, Variables, VariablesFile, Json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var folder = arguments.GetValue(Folder)!;
        var mistakes = new List<string>();
        var environment = ReadEnvironment(arguments, mistakes);
        if (!folder.Exists)
        {
            mistakes.Add($"{folder.FullName}: there is no such folder");
        }

        if (arguments.GetValue(Production) && arguments.GetValue(Alias) is not null)
        {
            mistakes.Add("--alias is for previews; a deploy with --prod answers at the site's own names");
        }

        var files = Installation.Find();
        mistakes.AddRange(files is null ? [Installation.Missing] : files.Missing());
        if (mistakes.Count > 0)
        {
            mistakes.ForEach(mistake => FunctionsCommand.Fail(mistake));
            return 2;
        }

        var code = 0;
        var asked = await DataDirectory.AskAsync(arguments, async channel =>
        {
            var site = await FindSiteAsync(channel, arguments, cancellationToken);
            var work = Directory.CreateTempSubdirectory("sandboxhost-deploy-");
            try
            {
                code = await DeployAsync(channel, site, files!, environment, work.FullName, arguments, cancellationToken);
            }
            finally
            {
                work.Delete(recursive: true);
            }
        });
        return asked != 0 ? asked : code;
    }

    private static async Task<int> DeployAsync(
        GrpcChannel channel, Site site, HostFiles files, Dictionary<string, string> environment, string work, ParseResult arguments, CancellationToken cancellationToken)
    {
        var folder = arguments.GetValue(Folder)!.FullName;
        var context = DeployContext.Parse(
            arguments.GetValue(Context) ?? (arguments.GetValue(Production) ? "production" : arguments.GetValue(Alias) is null ? "deploy-preview" : "branch-deploy"), GitBranch.Of(folder));
        Say(arguments, $"Building {folder}");
        var build = await DeployBuild.BuildAsync(
            new SiteFolderOptions(folder, site.Name, site.Url, [], FunctionLimits.Default)
            {
                Context = context.Name,
                FunctionsDirectory = arguments.GetValue(Functions),
                PublishDirectory = arguments.GetValue(Publish),
            },
            new EsbuildBundler(files.Esbuild),
            environment,
            work,
            cancellationToken);
        foreach (var warning in build.Warnings)
        {
            Console.Error.WriteLine(warning);
        }

        if (build.Mistakes.Count > 0)
        {
            build.Mistakes.ToList().ForEach(mistake => FunctionsCommand.Fail(mistake));
            return 1;
        }

        var client = new DeploysService.DeploysServiceClient(channel);
        var request = new StartDeployRequest
        {
            Site = site.Name,
            Production = arguments.GetValue(Production),
            Context = context.Name,
            Branch = context.Branch,
            Alias = arguments.GetValue(Alias) ?? "",
            Title = arguments.GetValue(Message),
        };
        request.Files.AddRange(build.Files.Select(source => new DeployedFile
        {
            Path = source.File.Path,
            Sha256 = ByteString.CopyFrom(Convert.FromHexString(source.File.Sha256)),
            Size = source.File.Size,
        }));
        var started = await client.StartDeployAsync(request, cancellationToken: cancellationToken);
        Say(arguments, string.Create(
            CultureInfo.InvariantCulture, $"Deploy {started.Deploy.Id}: {build.Functions.Count} functions, {build.Files.Count} files, {started.Missing.Count} of them new"));
        try
        {
            await UploadAsync(client, started, build.Files, cancellationToken);
            var finished = await client.FinishDeployAsync(new DeployId { Id = started.Deploy.Id }, cancellationToken: cancellationToken);
            return Tell(site, finished, arguments);
        }
        catch (Exception ex) when (ex is RpcException or IOException or OperationCanceledException)
        {
            await CancelAsync(client, started.Deploy);
            throw;
        }
    }

    private static async Task UploadAsync(
        DeploysService.DeploysServiceClient client, StartDeployResponse started, IReadOnlyList<DeploySource> files, CancellationToken cancellationToken)
    {
        if (started.Missing.Count == 0)
        {
            return;
        }

        var sources = files.GroupBy(source => source.File.Sha256, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.First().Source, StringComparer.Ordinal);
        using var call = client.UploadFiles(cancellationToken: cancellationToken);
        var buffer = new byte[PieceBytes];
        foreach (var hash in started.Missing)
        {
            await using var content = File.OpenRead(sources[Convert.ToHexStringLower(hash.Span)]);
            var first = true;
            int read;
            do
            {
                read = await content.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
                var piece = new FilePiece { Data = ByteString.CopyFrom(buffer, 0, read), Last = read < buffer.Length };
                if (first)
                {
                    (piece.Deploy, piece.Sha256, first) = (started.Deploy.Id, hash, false);
                }

                await call.RequestStream.WriteAsync(piece, cancellationToken);
            }
            while (read == buffer.Length);
        }

        await call.RequestStream.CompleteAsync();
        await call.ResponseAsync;
    }

    private static async Task CancelAsync(DeploysService.DeploysServiceClient client, Deploy deploy)
    {
        try
        {
            await client.CancelDeployAsync(new DeployId { Id = deploy.Id });
        }
        catch (RpcException)
        {
            // The host is gone, or has ended the deploy itself.
        }
    }

    private static int Tell(Site site, FinishDeployResponse finished, ParseResult arguments)
    {
        foreach (var warning in finished.Warnings)
        {
            Console.Error.WriteLine(warning);
        }

        var deploy = finished.Deploy;
        if (arguments.GetValue(Json))
        {
            HostCommand.PrintJson(DeploysCommand.JsonOf(deploy, finished.Published, finished.Warnings));
        }

        if (deploy.State == "error")
        {
            return FunctionsCommand.Fail($"Deploy {deploy.Id} failed:\n{deploy.ErrorMessage}");
        }

        Say(arguments, finished.Published ? $"Published: {site.Url}" : arguments.GetValue(Production) ? $"Ready, and not published: the site is locked. `sandboxhost deploys publish {deploy.Id}`" : "Ready.");
        Say(arguments, $"This deploy: {deploy.Url}");
        if (deploy.Alias.Length > 0)
        {
            Say(arguments, $"Alias: {new Uri(deploy.Url) switch { var url => $"{url.Scheme}://{deploy.Alias}{url.Authority[deploy.Id.Length..]}" }}");
        }

        return 0;
    }

    private static async Task<Site> FindSiteAsync(GrpcChannel channel, ParseResult arguments, CancellationToken cancellationToken)
    {
        var client = new SitesService.SitesServiceClient(channel);
        var sites = (await client.ListSitesAsync(new ListSitesRequest(), cancellationToken: cancellationToken)).Sites;
        if (arguments.GetValue(CreateSite) is { } wanted)
        {
            return sites.FirstOrDefault(site => site.Name == wanted)
                ?? await client.CreateSiteAsync(new CreateSiteRequest { Name = wanted }, cancellationToken: cancellationToken);
        }

        var names = sites.Count == 0 ? "There are none." : $"There are: {string.Join(", ", sites.Select(site => site.Name))}.";
        if (arguments.GetValue(SiteName) is { } name)
        {
            return sites.FirstOrDefault(site => site.Name == name)
                ?? throw new RpcException(new Status(StatusCode.NotFound, $"There is no site {name}. {names} --create-site {name} makes it."));
        }

        return sites.Count == 1 ? sites[0] : throw new RpcException(new Status(StatusCode.InvalidArgument, $"Which site? --site NAME, or --create-site NAME for a new one. {names}"));
    }

    private static Dictionary<string, string> ReadEnvironment(ParseResult arguments, List<string> mistakes)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal);
        if (arguments.GetValue(VariablesFile) is { } file)
        {
            if (!file.Exists)
            {
                mistakes.Add($"--env-file {file.FullName}: there is no such file");
                return environment;
            }

            foreach (var (name, value) in DotEnvParser.Parse(File.ReadAllText(file.FullName)))
            {
                environment[name] = value;
            }
        }

        foreach (var text in arguments.GetValue(Variables) ?? [])
        {
            var (name, value) = HostArguments.Split(text);
            if (value is null || name.Length == 0)
            {
                mistakes.Add($"--env {text}: expected NAME=VALUE");
                continue;
            }

            environment[name] = value;
        }

        return environment;
    }

    private static void Say(ParseResult arguments, string text)
    {
        if (!arguments.GetValue(Json))
        {
            Console.WriteLine(text);
        }
    }
}
