using System.Text;
using System.Text.Json;

namespace SandboxHost.Isolation.Egress;

/// <summary>The answers that the door gives itself. A body in JSON, in the shape that function errors have everywhere.</summary>
internal static class ProxyAnswer
{
    public static readonly byte[] Established = Encoding.ASCII.GetBytes("HTTP/1.1 200 Connection established\r\n\r\n");

    public static byte[] Refused(string host, int port, string rule) => Error(
        "403 Forbidden", "egress_refused", $"{host} port {port} may not be reached from a function: {rule}", rule);

    public static byte[] Malformed(string problem) => Error("400 Bad Request", "egress_malformed", problem);

    public static byte[] Unreachable(string host, int port, string problem) => Error(
        "502 Bad Gateway", "egress_unreachable", $"{host} port {port}: {problem}");

    public static byte[] TimedOut(string host, int port) => Error("504 Gateway Timeout", "egress_timeout", $"{host} port {port} did not answer");

    /// <param name="limit">Which limit it is, by its name.</param>
    public static byte[] Busy(string limit) => Error("503 Service Unavailable", "egress_busy", $"this is more than the site may have: {limit}", limit);

    private static byte[] Error(string status, string type, string message, string? rule = null)
    {
        using var body = new MemoryStream();
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteString("errorType", type);
            json.WriteString("errorMessage", message);
            if (rule is not null)
            {
                json.WriteString("rule", rule);
            }

            json.WriteEndObject();
        }

        var head = $"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n";
        return [.. Encoding.ASCII.GetBytes(head), .. body.ToArray()];
    }
}
