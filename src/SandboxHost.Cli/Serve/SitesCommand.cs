using System.CommandLine;
using SandboxHost.Cli.Work;
using SandboxHost.Protocol.Control.V1;
using Spectre.Console;
using Table = Spectre.Console.Table;

namespace SandboxHost.Cli.Serve;

/// <summary>`sandboxhost sites …`: the sites of a host that serves what is deployed.</summary>
internal static class SitesCommand
{
    private static readonly Argument<string> Name = new("NAME") { Description = "The site's name." };

    private static readonly Option<string[]> Domains = new("--domain") { HelpName = "HOST", Description = "A host name of its own beside NAME.DOMAIN; may be given more than once." };

    private static readonly Option<bool> Json = HostCommand.Json();

    public static Command Create()
    {
        var list = new Command("list", "Lists the sites.") { DataDirectory.Option, Json };
        list.SetAction((arguments, token) => DataDirectory.AskAsync(arguments, async channel =>
            Print(await new SitesService.SitesServiceClient(channel).ListSitesAsync(new ListSitesRequest(), cancellationToken: token), arguments.GetValue(Json))));

        var create = new Command("create", "Makes a site.") { Name, Domains, DataDirectory.Option };
        create.SetAction((arguments, token) => DataDirectory.AskAsync(arguments, async channel =>
        {
            var request = new CreateSiteRequest { Name = arguments.GetValue(Name) };
            request.Domains.AddRange(arguments.GetValue(Domains) ?? []);
            var site = await new SitesService.SitesServiceClient(channel).CreateSiteAsync(request, cancellationToken: token);
            Console.WriteLine($"Site {site.Name} is made; what is deployed to it will be at {site.Url}.");
        }));

        var domains = new Command("domains", "Gives a site these host names instead of those that it had beside its own.") { Name, Domains, DataDirectory.Option };
        domains.SetAction((arguments, token) => DataDirectory.AskAsync(arguments, async channel =>
        {
            var request = new SetDomainsRequest { Name = arguments.GetValue(Name) };
            request.Domains.AddRange(arguments.GetValue(Domains) ?? []);
            var site = await new SitesService.SitesServiceClient(channel).SetDomainsAsync(request, cancellationToken: token);
            Console.WriteLine($"Site {site.Name} answers at {string.Join(", ", site.Domains.Prepend(site.Url))}.");
        }));

        var delete = new Command("delete", "Removes a site with all its deploys.") { Name, DataDirectory.Option };
        delete.SetAction((arguments, token) => DataDirectory.AskAsync(arguments, async channel =>
        {
            await new SitesService.SitesServiceClient(channel).DeleteSiteAsync(new SiteName { Name = arguments.GetValue(Name) }, cancellationToken: token);
            Console.WriteLine($"Site {arguments.GetValue(Name)} is removed.");
        }));
        return new Command("sites", "Shows, makes and removes the sites of a host.")
        {
            list, create, domains, delete, Lock("lock", "Keeps what is published: later deploys become ready and are not published.", true), Lock("unlock", "Lets deploys be published by themselves again.", false),
        };
    }

    private static Command Lock(string name, string description, bool locked)
    {
        var command = new Command(name, description) { Name, DataDirectory.Option };
        command.SetAction((arguments, token) => DataDirectory.AskAsync(arguments, async channel =>
        {
            var site = await new SitesService.SitesServiceClient(channel).SetLockAsync(
                new SetLockRequest { Name = arguments.GetValue(Name), Locked = locked }, cancellationToken: token);
            Console.WriteLine($"Site {site.Name} is {name}ed.");
        }));
        return command;
    }

    private static void Print(ListSitesResponse response, bool asJson)
    {
        if (asJson)
        {
            HostCommand.PrintJson(response.Sites.Select(site => new
            {
                site.Id,
                site.Name,
                site.Url,
                site.Domains,
                publishedDeploy = site.PublishedDeploy.Length > 0 ? site.PublishedDeploy : null,
                site.Locked,
                createdAt = HostCommand.TimeOf(site.CreatedAt),
            }));
            return;
        }

        if (response.Sites.Count == 0)
        {
            Console.WriteLine("No sites.");
            return;
        }

        var table = new Table().Border(TableBorder.Rounded).AddColumns("Name", "Address", "Domains", "Published", "Locked");
        foreach (var site in response.Sites)
        {
            table.AddRow(
                new Text(site.Name),
                new Text(site.Url),
                new Text(string.Join(", ", site.Domains)),
                new Text(site.PublishedDeploy.Length > 0 ? site.PublishedDeploy : "nothing"),
                new Text(site.Locked ? "yes" : ""));
        }

        HostCommand.Print(table);
    }
}
