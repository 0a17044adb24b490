using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace SandboxHost.Gateway.Forms;

/// <summary>Who sent a form, and where from.</summary>
internal sealed record FormSender(string Ip, string? UserAgent, string? Referrer);

/// <summary>
/// The body of a submission_created event, in the form that functions named submission-created know (reference §9.3); the
/// handler formSubmitted takes its <c>payload.data</c>. A field with several values is a list of them.
/// </summary>
internal static class SubmissionPayload
{
    /// <summary>Netlify's hidden field with the name of the form.</summary>
    private const string FormNameField = "form-name";

    // What the letter is about, by what its fields are commonly called: in lower case.
    private static readonly (string Member, string[] FieldNames)[] KnownFields =
    [
        ("company", ["company", "business", "employer"]),
        ("last_name", ["lastname", "surname", "byname"]),
        ("first_name", ["firstname", "givenname", "forename"]),
        ("name", ["name", "fullname"]),
        ("email", ["email", "mail", "from", "twitter", "sender"]),
        ("title", ["title", "subject"]),
    ];

    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static ReadOnlyMemory<byte> Of(IReadOnlyList<FormField> fields, FormSender sender, string siteUrl, DateTimeOffset now)
    {
        // In the order in which they came, whatever the case of their names.
        var values = fields.GroupBy(field => field.Name, StringComparer.Ordinal).Select(group => (Name: group.Key, Values: group.ToList())).ToList();
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes, Options))
        {
            json.WriteStartObject();
            json.WriteStartObject("payload");
            foreach (var (member, names) in KnownFields)
            {
                if (values.FirstOrDefault(value => names.Contains(value.Name.ToLowerInvariant())).Values is { } found)
                {
                    json.WritePropertyName(member);
                    Write(json, found, withFiles: false);
                }
            }

            if (values.FirstOrDefault(value => value.Name == FormNameField).Values is { } formName)
            {
                json.WriteString("form_name", formName[0].Value);
            }

            WriteData(json, values, sender);
            json.WriteString("created_at", now.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            WriteHumanFields(json, values);
            json.WriteString("site_url", siteUrl);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return bytes.WrittenMemory;
    }

    private static void WriteData(Utf8JsonWriter json, List<(string Name, List<FormField> Values)> values, FormSender sender)
    {
        json.WriteStartObject("data");

        // The host's own three are not for the form to say.
        foreach (var (name, list) in values.Where(value => value.Name is not ("ip" or "user_agent" or "referrer")))
        {
            json.WritePropertyName(name);
            Write(json, list, withFiles: true);
        }

        json.WriteString("ip", sender.Ip);
        WriteIfKnown(json, "user_agent", sender.UserAgent);
        WriteIfKnown(json, "referrer", sender.Referrer);
        json.WriteEndObject();
    }

    private static void WriteIfKnown(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
        {
            json.WriteString(name, value);
        }
    }

    private static void WriteHumanFields(Utf8JsonWriter json, List<(string Name, List<FormField> Values)> values)
    {
        json.WriteStartObject("human_fields");
        foreach (var (name, list) in values)
        {
            json.WritePropertyName(Capital(name));
            Write(json, list, withFiles: false);
        }

        json.WriteEndObject();
        json.WriteStartArray("ordered_human_fields");
        foreach (var (name, list) in values)
        {
            json.WriteStartObject();
            json.WriteString("title", Capital(name));
            json.WriteString("name", name);
            json.WritePropertyName("value");
            Write(json, list, withFiles: false);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, List<FormField> values, bool withFiles)
    {
        if (values.Count > 1)
        {
            json.WriteStartArray();
        }

        foreach (var value in values)
        {
            if (withFiles && value.File is { } file)
            {
                json.WriteStartObject();
                json.WriteString("filename", file.FileName);
                json.WriteNumber("size", file.Size);
                WriteIfKnown(json, "type", file.Type);
                json.WriteEndObject();
            }
            else
            {
                json.WriteStringValue(value.Value);
            }
        }

        if (values.Count > 1)
        {
            json.WriteEndArray();
        }
    }

    private static string Capital(string name) => name.Length == 0 ? name : char.ToUpperInvariant(name[0]) + name[1..];
}
