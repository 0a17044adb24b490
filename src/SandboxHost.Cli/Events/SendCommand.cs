using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Grpc.Core;
using SandboxHost.Cli.Functions;
using SandboxHost.Control;
using SandboxHost.Events;
using SandboxHost.Protocol.Control.V1;
using SandboxHost.Sites.Settings;

namespace SandboxHost.Cli.Events;

/// <summary>`sandboxhost events send`: has the host that serves a folder tell its functions of an event, and prints what became of it.</summary>
internal static class SendCommand
{
    private static readonly Argument<string> Name = new("NAME") { Description = "The event, by its handler (userSignup), its slug (identity_signup) or its file (identity-signup)." };

    private static readonly Argument<DirectoryInfo> Folder = new("DIR")
    {
        Description = "The folder that the host was started with.",
        DefaultValueFactory = _ => new DirectoryInfo("."),
    };

    private static readonly Option<string?> Payload = new("--payload", "-p") { HelpName = "JSON|FILE", Description = "The event: JSON, or a JSON file. Its members replace those of a sample." };

    private static readonly Option<string?> Site = new("--site") { HelpName = "NAME", Description = "Which of the host's sites; the main site by default." };

    private static readonly Option<bool> Json = new("--json") { Description = "Print the result for programs." };

    public static Command Create()
    {
        var command = new Command("send", "Tells a site's functions of a platform event, as the platform does.") { Name, Folder, Payload, Site, Json };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var name = arguments.GetValue(Name)!;
        if (PlatformEvent.Find(name) is not { } raised)
        {
            var names = PlatformEvent.All.Select(item => item.HandlerName ?? item.Slug).ToList();
            var near = NearestName.Of(name, names) is { } candidate ? $" Did you mean {candidate}?" : "";
            return FunctionsCommand.Fail($"There is no event {name}.{near} There are: {string.Join(", ", names)}");
        }

        var payload = PayloadReader.Read(arguments.GetValue(Payload), Environment.CurrentDirectory, out var mistake);
        if (mistake is not null)
        {
            return FunctionsCommand.Fail(mistake);
        }

        var folder = arguments.GetValue(Folder)!.FullName;
        using var channel = ControlChannel.Open(folder);
        if (channel is null)
        {
            return FunctionsCommand.Fail($"No host serves {folder}. Start one with `sandboxhost dev`.");
        }

        try
        {
            var response = await new EventsService.EventsServiceClient(channel).SendEventAsync(
                new SendEventRequest
                {
                    Site = arguments.GetValue(Site) ?? "",
                    Event = raised.Slug,
                    Payload = ByteString.CopyFromUtf8(EventSamples.BodyFor(raised, payload?.Text, TimeProvider.System.GetUtcNow())),
                },
                cancellationToken: cancellationToken);
            Print(response, arguments.GetValue(Json));
            return Judge(response);
        }
        catch (RpcException ex)
        {
            return FunctionsCommand.Fail(ex.Status.Detail);
        }
    }

    private static void Print(SendEventResponse response, bool asJson)
    {
        if (asJson)
        {
            var deliveries = response.Deliveries.Select(delivery => (JsonNode)new JsonObject
            {
                ["function"] = delivery.Function,
                ["run"] = delivery.Run,
                ["outcome"] = delivery.Outcome,
                ["status"] = delivery.Status == 0 ? null : delivery.Status,
                ["error"] = delivery.Error.Length == 0 ? null : delivery.Error,
                ["errorMessage"] = delivery.ErrorMessage.Length == 0 ? null : delivery.ErrorMessage,
            });
            Console.WriteLine(new JsonObject
            {
                ["event"] = response.Event,
                ["denied"] = response.Denied,
                ["user"] = response.User.IsEmpty ? null : JsonNode.Parse(response.User.Span),
                ["deliveries"] = new JsonArray([.. deliveries]),
            }.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
            return;
        }

        var width = response.Deliveries.Select(delivery => delivery.Function.Length).DefaultIfEmpty().Max();
        foreach (var delivery in response.Deliveries)
        {
            Console.WriteLine($"{delivery.Function.PadRight(width)}  {TextOf(delivery)}");
        }

        if (!response.User.IsEmpty)
        {
            Console.WriteLine(response.User.ToStringUtf8());
        }
    }

    private static string TextOf(Protocol.Control.V1.EventDelivery delivery) => delivery.Outcome switch
    {
        "queued" => $"queued as run {delivery.Run}",
        "accepted" => "accepted",
        "changed" => "accepted, and changed the user",
        "denied" => string.Create(CultureInfo.InvariantCulture, $"denied, with status {delivery.Status}"),
        "notqueued" => $"not queued ({delivery.Error}): {delivery.ErrorMessage}",
        _ => $"failed ({delivery.Error}): {delivery.ErrorMessage}",
    };

    private static int Judge(SendEventResponse response) =>
        response.Deliveries.Count == 0 ? FunctionsCommand.Fail($"No function of the site is told of {response.Event}.")
        : response.Deliveries.Any(delivery => delivery.Error.Length > 0) ? 1
        : 0;
}
