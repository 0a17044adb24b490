using System.Globalization;
using System.Text.Json.Nodes;

namespace SandboxHost.Cli.Functions;

/// <summary>
/// What a function gets that is called for an event of the platform, known by its name (reference §9.3). A payload's
/// members replace the sample's.
/// </summary>
internal static class EventSamples
{
    private const string BackgroundSuffix = "-background";

    private static readonly string[] Events =
    [
        "deploy-building", "deploy-succeeded", "deploy-failed", "deploy-locked", "deploy-unlocked",
        "split-test-activated", "split-test-deactivated", "split-test-modified",
        "submission-created", "identity-validate", "identity-signup", "identity-login",
    ];

    /// <returns>JSON.</returns>
    public static string BodyFor(string function, string? payload, DateTimeOffset now)
    {
        var name = function.EndsWith(BackgroundSuffix, StringComparison.Ordinal) ? function[..^BackgroundSuffix.Length] : function;
        if (!Events.Contains(name, StringComparer.Ordinal))
        {
            return payload ?? "{}";
        }

        var given = payload is null ? new JsonObject() : JsonNode.Parse(payload);
        if (given is not JsonObject members)
        {
            return payload!;
        }

        var body = SampleOf(name, now);
        foreach (var (key, value) in members)
        {
            body[key] = value?.DeepClone();
        }

        return body.ToJsonString();
    }

    private static JsonObject SampleOf(string name, DateTimeOffset now)
    {
        var time = now.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
        if (name.StartsWith("identity-", StringComparison.Ordinal))
        {
            return new JsonObject
            {
                ["event"] = name["identity-".Length..],
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

        JsonObject payload = name == "submission-created"
            ? new JsonObject
            {
                ["name"] = MadeUpUser.FullName,
                ["email"] = MadeUpUser.Email,
                ["data"] = new JsonObject { ["email"] = MadeUpUser.Email, ["message"] = "Hello" },
                ["created_at"] = time,
            }
            : new JsonObject { ["name"] = name, ["created_at"] = time };
        return new JsonObject { ["payload"] = payload, ["site"] = new JsonObject { ["name"] = "local", ["url"] = "http://localhost:8888" } };
    }
}
