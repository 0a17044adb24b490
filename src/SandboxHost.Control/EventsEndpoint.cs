using System.Text.Json;
using Google.Protobuf;
using Grpc.Core;
using SandboxHost.Deployments;
using SandboxHost.Events;
using SandboxHost.Invocations;
using SandboxHost.Protocol.Control.V1;

namespace SandboxHost.Control;

/// <summary>EventsService of the control API.</summary>
internal sealed class EventsEndpoint(ControlContext host) : EventsService.EventsServiceBase
{
    private const int MaxPayloadBytes = 1024 * 1024;

    public override async Task<SendEventResponse> SendEvent(SendEventRequest request, ServerCallContext context)
    {
        var raised = PlatformEvent.Find(request.Event)
            ?? throw Invalid($"There is no event {request.Event}; there are {string.Join(", ", PlatformEvent.All.Select(item => item.Slug))}.");
        if (request.Payload.Length > MaxPayloadBytes || !IsJson(request.Payload.Memory))
        {
            throw Invalid($"The payload is no JSON, or larger than {MaxPayloadBytes} bytes.");
        }

        var result = await host.Events.RaiseAsync(FindSite(request.Site), new EventMessage(raised, request.Payload.Memory), context.CancellationToken);
        var response = new SendEventResponse { Event = raised.Slug, Denied = result.IsDenied, User = ByteString.CopyFromUtf8(result.User ?? "") };
        response.Deliveries.AddRange(result.Deliveries.Select(delivery => new Protocol.Control.V1.EventDelivery
        {
            Function = delivery.FunctionName,
            Run = delivery.RunId,
            Outcome = delivery.Outcome.ToString().ToLowerInvariant(),
            Status = delivery.Status ?? 0,
            Error = delivery.Error is { } error ? ErrorTable.Of(error.Code).Name : "",
            ErrorMessage = delivery.Error is { } said ? said.Thrown is { } thrown ? $"{thrown.Type}: {thrown.Message}" : said.Message : "",
        }));
        return response;
    }

    private SiteSnapshot FindSite(string name)
    {
        var sites = host.Snapshots.Current.Sites;
        return (name.Length > 0 ? sites.FirstOrDefault(site => site.Identity.Name == name) : sites.Count > 0 ? sites[0] : null)
            ?? throw new RpcException(new Status(StatusCode.NotFound, $"There is no site {name}."));
    }

    private static bool IsJson(ReadOnlyMemory<byte> payload)
    {
        try
        {
            using var document = JsonDocument.Parse(payload);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static RpcException Invalid(string message) => new(new Status(StatusCode.InvalidArgument, message));
}
