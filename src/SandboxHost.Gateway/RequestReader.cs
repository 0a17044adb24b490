using System.Buffers;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using SandboxHost.Deployments;
using SandboxHost.Events;
using SandboxHost.Gateway.Events;
using SandboxHost.Invocations;
using SandboxHost.Routing;
using SandboxHost.Schedules;

namespace SandboxHost.Gateway;

/// <summary>From an HTTP request to an invocation.</summary>
internal static class RequestReader
{
    /// <summary>A body up to this size that has arrived already travels with the head.</summary>
    private const int MaxInlineBytes = 64 * 1024;

    /// <param name="signed">The request is this event, whose body is read already.</param>
    public static async ValueTask<InvocationRequest> ReadAsync(
        HttpContext context, RequestTarget target, RouteMatch match, string requestId, SignedEvent? signed, TimeProvider clock)
    {
        var function = match.Function!;
        return function.Kind == FunctionKind.Scheduled && signed is null
            ? ScheduledTick(context, target, function, requestId, clock)
            : new InvocationRequest
            {
                Function = function,
                RequestId = requestId,
                Method = context.Request.Method,
                Url = target.Url,
                Headers = ReadHeaders(context.Request.Headers, signed),
                ClientIp = ClientIp(context),
                Route = match.Route,
                Body = signed is null ? await ReadBodyAsync(context) : RequestBody.FromWhole(signed.Body),
            };
    }

    /// <summary>On a developer's machine a request to a scheduled function plays its next tick (reference §6).</summary>
    private static InvocationRequest ScheduledTick(
        HttpContext context, RequestTarget target, FunctionVersion function, string requestId, TimeProvider clock) => new()
        {
            Function = function,
            RequestId = requestId,
            Method = ScheduleTick.Method,
            Url = target.Url,
            Headers = ScheduleTick.Headers,
            ClientIp = ClientIp(context),
            Trigger = InvocationTrigger.Schedule,
            Body = RequestBody.FromMemory(ScheduleTick.BodyOf(ScheduleTick.NextOf(function, clock.GetUtcNow()))),
        };

    public static List<string> ReadHeaders(IHeaderDictionary headers, SignedEvent? signed = null)
    {
        var named = NamedByConnection(headers);
        var flat = new List<string>(headers.Count * 2);
        foreach (var (name, values) in headers)
        {
            if (name.StartsWith(':') || HeaderRules.IsHopByHop(name) || HeaderRules.IsPlatform(name) || named?.Contains(name) == true)
            {
                continue;
            }

            var lower = LowerCaseNames.Of(name);
            foreach (var value in values)
            {
                flat.Add(lower);
                flat.Add(value ?? "");
            }
        }

        if (signed is not null)
        {
            flat.Add(PlatformEvent.Header);
            flat.Add(signed.Slug);
        }

        return flat;
    }

    /// <summary>The fields that Connection names, which are hop-by-hop, too; null when there are none.</summary>
    public static HashSet<string>? NamedByConnection(IHeaderDictionary headers)
    {
        var connection = headers.Connection;
        return connection.Count == 0 || IsOrdinary(connection) ? null : NamedBy(connection);
    }

    public static string ClientIp(HttpContext context) => ClientAddresses.TextOf(ClientAddress(context));

    /// <summary>The other end of the connection.</summary>
    public static IPAddress ClientAddress(HttpContext context)
    {
        var address = context.Connection.RemoteIpAddress ?? IPAddress.Loopback;
        return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
    }

    private static bool IsOrdinary(StringValues connection) =>
        connection.Count == 1 && (string.Equals(connection[0], "keep-alive", StringComparison.OrdinalIgnoreCase)
            || string.Equals(connection[0], "close", StringComparison.OrdinalIgnoreCase));

    private static HashSet<string> NamedBy(StringValues connection) =>
        connection.SelectMany(value => (value ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            .ToHashSet(StringComparer.OrdinalIgnoreCase);

    private static ValueTask<RequestBody> ReadBodyAsync(HttpContext context)
    {
        if (context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody != true)
        {
            return new ValueTask<RequestBody>(default(RequestBody));
        }

        if (context.Request.ContentLength is { } length and <= MaxInlineBytes)
        {
            return length == 0
                ? new ValueTask<RequestBody>(default(RequestBody))
                : TakeIfHereAsync(context, (int)length);
        }

        return new ValueTask<RequestBody>(RequestBody.FromReader(context.Request.BodyReader));
    }

    /// <summary>Takes a small body whole if it came with the head, which it mostly does; otherwise leaves it to be pulled.</summary>
    private static ValueTask<RequestBody> TakeIfHereAsync(HttpContext context, int length)
    {
        var reader = context.Request.BodyReader;
        if (!reader.TryRead(out var read))
        {
            return new ValueTask<RequestBody>(RequestBody.FromReader(reader));
        }

        if (read.Buffer.Length < length)
        {
            reader.AdvanceTo(read.Buffer.Start);
            return new ValueTask<RequestBody>(RequestBody.FromReader(reader));
        }

        var body = read.Buffer.ToArray();
        reader.AdvanceTo(read.Buffer.End);
        return new ValueTask<RequestBody>(RequestBody.FromMemory(body));
    }
}
