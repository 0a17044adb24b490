using System.CommandLine;
using SandboxHost.Cli.Work;
using SandboxHost.Protocol.Control.V1;
using Spectre.Console;
using Table = Spectre.Console.Table;

namespace SandboxHost.Cli.Serve;

/// <summary>`sandboxhost deploys …`: what was deployed to a site, and which of it is published.</summary>
internal static class DeploysCommand
{
    private static readonly Argument<string> Site = new("SITE") { Description = "The site's name." };

    private static readonly Argument<string> Id = new("ID") { Description = "The deploy's id." };

    private static readonly Option<bool> Json = HostCommand.Json();

    public static Command Create()
    {
        var list = new Command("list", "Lists a site's deploys, newest first.") { Site, DataDirectory.Option, Json };
        list.SetAction((arguments, token) => DataDirectory.AskAsync(arguments, async channel =>
            Print(await new DeploysService.DeploysServiceClient(channel).ListDeploysAsync(new SiteName { Name = arguments.GetValue(Site) }, cancellationToken: token), arguments.GetValue(Json))));

        var publish = new Command("publish", "Makes a deploy that is ready the one that the site's names show: a new one, or one from before.") { Id, DataDirectory.Option };
        publish.SetAction((arguments, token) => DataDirectory.AskAsync(arguments, async channel =>
        {
            var deploy = await new DeploysService.DeploysServiceClient(channel).PublishDeployAsync(new DeployId { Id = arguments.GetValue(Id) }, cancellationToken: token);
            Console.WriteLine($"Deploy {deploy.Id} of {deploy.Site} is published.");
        }));

        var delete = new Command("delete", "Removes a deploy that is not published.") { Id, DataDirectory.Option };
        delete.SetAction((arguments, token) => DataDirectory.AskAsync(arguments, async channel =>
        {
            await new DeploysService.DeploysServiceClient(channel).DeleteDeployAsync(new DeployId { Id = arguments.GetValue(Id) }, cancellationToken: token);
            Console.WriteLine($"Deploy {arguments.GetValue(Id)} is removed.");
        }));
        return new Command("deploys", "Shows, publishes and removes deploys.") { list, publish, delete };
    }

    public static object JsonOf(Deploy deploy, bool isPublished, IEnumerable<string>? warnings = null) => new
    {
        deploy.Id,
        deploy.Site,
        deploy.State,
        published = isPublished,
        deploy.Context,
        branch = deploy.Branch.Length > 0 ? deploy.Branch : null,
        alias = deploy.Alias.Length > 0 ? deploy.Alias : null,
        title = deploy.Title.Length > 0 ? deploy.Title : null,
        deploy.Production,
        createdAt = HostCommand.TimeOf(deploy.CreatedAt),
        endedAt = HostCommand.TimeOf(deploy.EndedAt),
        publishedAt = HostCommand.TimeOf(deploy.PublishedAt),
        errorMessage = deploy.ErrorMessage.Length > 0 ? deploy.ErrorMessage : null,
        deploy.Url,
        warnings,
    };

    private static void Print(ListDeploysResponse response, bool asJson)
    {
        if (asJson)
        {
            HostCommand.PrintJson(response.Deploys.Select(deploy => JsonOf(deploy, deploy.Id == response.Published)));
            return;
        }

        if (response.Deploys.Count == 0)
        {
            Console.WriteLine("No deploys.");
            return;
        }

        var table = new Table().Border(TableBorder.Rounded).AddColumns("Id", "State", "Context", "Alias", "Made", "Title");
        foreach (var deploy in response.Deploys)
        {
            var state = deploy.Id == response.Published ? "published" : deploy.State;
            table.AddRow(
                new Text(deploy.Id),
                new Text(state, Style.Parse(state switch { "published" => "green", "error" => "red", _ => "default" })),
                new Text(deploy.Context),
                new Text(deploy.Alias),
                new Text(HostCommand.Show(HostCommand.TimeOf(deploy.CreatedAt))),
                new Text(deploy.ErrorMessage.Length > 0 ? deploy.ErrorMessage : deploy.Title));
        }

        HostCommand.Print(table);
    }
}
