using System.Globalization;
using System.Text.Json.Nodes;
using SandboxHost.Events;

namespace SandboxHost.Cli.Functions;

/// <summary>
/// What a function gets that is called for an event of the platform (reference §9.2-9.3). A payload's members replace the
/// sample's.
/// </summary>
internal static class EventSamples
{
    private const string IdentityPrefix = "identity_";
    private const string DeployPrefix = "deploy_";

    /// <summary>For a function that may be called for an event by its name.</summary>
    /// <returns>JSON.</returns>
    public static string BodyFor(string function, string? payload, DateTimeOffset now) =>
        PlatformEvent.OfFunction(function) is { } own ? BodyFor(own, payload, now) : payload ?? "{}";

    /// <returns>JSON.</returns>
    public static string BodyFor(PlatformEvent raised, string? payload, DateTimeOffset now)
    {
        var given = payload is null ? new JsonObject() : JsonNode.Parse(payload);
        if (given is not JsonObject members)
        {
            return payload!;
        }

        var body = SampleOf(raised, now);
        foreach (var (key, value) in members)
        {
            body[key] = value?.DeepClone();
        }

        return body.ToJsonString();
    }

    private static JsonObject SampleOf(PlatformEvent raised, DateTimeOffset now)
    {
        var time = now.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
        if (raised.Subject == EventSubject.User)
        {
            return new JsonObject
            {
                ["event"] = raised.Slug[IdentityPrefix.Length..],
                ["user"] = new JsonObject
                {
                    ["id"] = MadeUpUser.Id,
                    ["aud"] = "",
                    ["role"] = "",
                    ["email"] = MadeUpUser.Email,
                    ["app_metadata"] = new JsonObject { ["provider"] = "email" },
                    ["user_metadata"] = new JsonObject { ["full_name"] = MadeUpUser.FullName },
                    ["created_at"] = time,
                    // Netlify's CLI spells it so; the platform's own events have the other.
                    ["update_at"] = time,
                    ["updated_at"] = time,
                },
            };
        }

        const string Url = "http://localhost:8888";
        JsonObject payload = raised.Subject switch
        {
            EventSubject.Form => new JsonObject
            {
                ["name"] = MadeUpUser.FullName,
                ["email"] = MadeUpUser.Email,
                ["data"] = new JsonObject { ["email"] = MadeUpUser.Email, ["message"] = "Hello" },
                ["created_at"] = time,
            },
            EventSubject.Deploy => new JsonObject
            {
                ["id"] = "0123456789abcdef01234567",
                ["site_id"] = "00000000-0000-4000-8000-000000000002",
                ["build_id"] = null,
                ["state"] = StateOf(raised),
                ["name"] = raised.FileName,
                ["url"] = Url,
                ["ssl_url"] = Url,
                ["deploy_ssl_url"] = Url,
                ["admin_url"] = Url,
                ["context"] = "production",
                ["branch"] = "main",
                ["error_message"] = raised.Slug == "deploy_failed" ? "A sample of a failure" : null,
                ["created_at"] = time,
                ["published_at"] = raised.Slug == "deploy_succeeded" ? time : null,
                ["manual_deploy"] = true,
            },
            _ => new JsonObject { ["name"] = raised.FileName, ["created_at"] = time },
        };
        var site = new JsonObject { ["id"] = "00000000-0000-4000-8000-000000000002", ["name"] = "local", ["url"] = Url, ["admin_url"] = Url };
        return new JsonObject { ["payload"] = payload, ["site"] = site };
    }

    private static string StateOf(PlatformEvent raised) => raised.Slug[DeployPrefix.Length..] switch
    {
        "building" => "building",
        "failed" => "error",
        _ => "ready",
    };
}
