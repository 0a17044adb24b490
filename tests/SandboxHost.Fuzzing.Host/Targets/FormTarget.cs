using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using SandboxHost.Gateway.Forms;

namespace SandboxHost.Fuzzing.Targets;

/// <summary>Forms that a visitor sends: urlencoded and multipart.</summary>
internal static class FormTarget
{
    private static readonly FormBounds Bounds = new(FieldBytes: 4000, TotalBytes: FuzzTarget.MaxInput);

    public static FuzzTarget Create() => new("form", "forms, urlencoded and multipart", Run, Seeds());

    // The type's line, then the body.
    private static void Run(byte[] input)
    {
        var end = Array.IndexOf(input, (byte)'\n');
        if (end < 0)
        {
            return;
        }

        var context = new DefaultHttpContext();
        context.Features.Set<IHttpMaxRequestBodySizeFeature>(new BodySize());
        context.Request.ContentType = System.Text.Encoding.Latin1.GetString(input.AsSpan(0, end));
        context.Request.Body = new MemoryStream(input[(end + 1)..]);
        if (FormReader.TypeOf(context.Request) is not { } type)
        {
            return;
        }

        try
        {
            var fields = FormReader.ReadAsync(context, type, Bounds, CancellationToken.None).GetAwaiter().GetResult();
            FuzzTarget.Holds(fields.Count <= FormReader.MaxFields, "fields are bounded");
            FuzzTarget.Holds(fields.All(field => field.File is null || field.File.Size <= input.Length), "a file is no larger than what was sent");
        }
        catch (BadFormException)
        {
            // As it should be: a refusal with a reason.
        }
    }

    private static List<byte[]> Seeds() =>
    [
        .. new[]
        {
            "application/x-www-form-urlencoded\nform-name=a&b=c+d%20&&=&e=%zz", "application/x-www-form-urlencoded; charset=latin1\na=b",
            "multipart/form-data; boundary=X\n--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--X--\r\n",
            "multipart/form-data; boundary=\"X\"\n--X\r\nContent-Disposition: form-data; name=f; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nfile\r\n--X--",
            "multipart/form-data; boundary=X\n--X\r\nX: y\r\n\r\n--X", "multipart/form-data\n", "multipart/form-data; boundary=\n----",
        }.Select(FuzzTarget.Text),
    ];

    private sealed class BodySize : IHttpMaxRequestBodySizeFeature
    {
        public bool IsReadOnly => false;

        public long? MaxRequestBodySize { get; set; }
    }
}
