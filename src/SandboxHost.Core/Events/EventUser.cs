using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SandboxHost.Events;

/// <summary>The user of an event, as one function after the other changes it.</summary>
internal static class EventUser
{
    public static bool IsObject(ReadOnlyMemory<byte> json) => Parse(json) is not null;

    /// <summary>
    /// Lays the members of a returned user over the event's own. Members that are null or absent leave what was there: a
    /// function that returns some of a user does not take the rest away.
    /// </summary>
    /// <returns>The event with its new user, and that user; null when the event is of no such form.</returns>
    public static (ReadOnlyMemory<byte> Body, string User)? Change(ReadOnlyMemory<byte> body, ReadOnlyMemory<byte> returned)
    {
        if (Parse(body) is not { } told || told["user"] is not JsonObject user || Parse(returned) is not { } changes)
        {
            return null;
        }

        foreach (var (name, value) in changes)
        {
            if (value is not null)
            {
                user[name] = value.DeepClone();
            }
        }

        return (Encoding.UTF8.GetBytes(told.ToJsonString()), user.ToJsonString());
    }

    private static JsonObject? Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            var root = JsonNode.Parse(json.Span) as JsonObject;

            // Looks at every name: one that is said twice is found only then.
            _ = root?.Count;
            return root;
        }
        catch (Exception ex) when (ex is JsonException or ArgumentException)
        {
            return null;
        }
    }
}
