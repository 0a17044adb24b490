using System.Text.Json;
using System.Text.Json.Serialization;
using SandboxHost.Runs;

namespace SandboxHost.Storage;

/// <summary>A row of <c>runs</c>, as Dapper fills it.</summary>
internal sealed class RunRow
{
    public const string Columns =
        "id, kind, site_id AS SiteId, function_name AS FunctionName, deploy_id AS DeployId, state, created_at AS CreatedAt, due_at AS DueAt, "
        + "attempt, failures, interruptions, started_at AS StartedAt, ended_at AS EndedAt, error, error_message AS ErrorMessage";

    public string Id { get; init; } = "";

    public long Kind { get; init; }

    public string SiteId { get; init; } = "";

    public string FunctionName { get; init; } = "";

    public string DeployId { get; init; } = "";

    public long State { get; init; }

    public long CreatedAt { get; init; }

    public long DueAt { get; init; }

    public long Attempt { get; init; }

    public long Failures { get; init; }

    public long Interruptions { get; init; }

    public long? StartedAt { get; init; }

    public long? EndedAt { get; init; }

    public string? Error { get; init; }

    public string? ErrorMessage { get; init; }

    public FunctionRun ToRun() => new()
    {
        Id = Id,
        Kind = (RunKind)Kind,
        Function = new FunctionKey(SiteId, FunctionName),
        DeployId = DeployId,
        State = (RunState)State,
        CreatedAt = CreatedAt.ToTime(),
        DueAt = DueAt.ToTime(),
        Attempt = (int)Attempt,
        Failures = (int)Failures,
        Interruptions = (int)Interruptions,
        StartedAt = StartedAt?.ToTime(),
        EndedAt = EndedAt?.ToTime(),
        Error = Error,
        ErrorMessage = ErrorMessage,
    };
}

/// <summary>A row of <c>requests</c>.</summary>
internal sealed class RequestRow
{
    public string RunId { get; init; } = "";

    public string Head { get; init; } = "";

    public byte[] Body { get; init; } = [];

    public static RequestRow Of(NewRun run)
    {
        var request = run.Request;
        var head = new RequestHead(request.Method, request.Url, request.Headers, request.ClientIp, request.Route);
        return new RequestRow { RunId = run.Id, Head = JsonSerializer.Serialize(head, RequestJson.Default.RequestHead), Body = request.Body.ToArray() };
    }

    public RunRequest ToRequest()
    {
        var head = JsonSerializer.Deserialize(Head, RequestJson.Default.RequestHead)!;
        return new RunRequest(head.Method, head.Url, head.Headers, head.ClientIp, head.Route, Body);
    }
}

/// <summary>What a function is given, but for the body.</summary>
internal sealed record RequestHead(string Method, string Url, IReadOnlyList<string> Headers, string ClientIp, string? Route);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(RequestHead))]
internal sealed partial class RequestJson : JsonSerializerContext;

/// <summary>Times as the database has them: milliseconds since 1970.</summary>
internal static class StoredTime
{
    public static long ToStored(this DateTimeOffset time) => time.ToUnixTimeMilliseconds();

    public static DateTimeOffset ToTime(this long stored) => DateTimeOffset.FromUnixTimeMilliseconds(stored);
}
