using System.Buffers;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace SandboxHost.Gateway.Forms;

/// <summary>A file of a form: named, and not kept.</summary>
internal sealed record FormFile(string FileName, long Size, string? Type);

/// <summary>One value of a form; a field may have several.</summary>
/// <param name="Value">The text; the file's name for a file.</param>
internal sealed record FormField(string Name, string Value, FormFile? File = null);

/// <summary>A form can't be read.</summary>
/// <param name="isTooLarge">Otherwise it is no such form as its Content-Type says.</param>
internal sealed class BadFormException(string message, bool isTooLarge = false) : Exception(message)
{
    public bool IsTooLarge => isTooLarge;
}

/// <summary>How much a form may hold.</summary>
/// <param name="FieldBytes">Names and values together, files not counted.</param>
/// <param name="TotalBytes">The whole request body, files included.</param>
internal sealed record FormBounds(long FieldBytes, long TotalBytes);

/// <summary>
/// Reads forms as browsers send them: application/x-www-form-urlencoded and multipart/form-data (RFC 7578), in UTF-8.
/// What comes in is bounded before it is kept.
/// </summary>
internal static class FormReader
{
    public const int MaxFields = 1000;

    /// <summary>RFC 2046 §5.1.1.</summary>
    private const int MaxBoundaryLength = 70;

    private const int MaxPartHeaders = 16;
    private const int MaxPartHeaderBytes = 16 * 1024;
    private const int BufferBytes = 16 * 1024;

    // What is no UTF-8 becomes U+FFFD.
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>The form's media type; null when the request brings no form.</summary>
    public static MediaTypeHeaderValue? TypeOf(HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out var type) && (IsUrlEncoded(type) || IsMultipart(type)) ? type : null;

    /// <exception cref="BadFormException">It is no form, or too large.</exception>
    public static async Task<IReadOnlyList<FormField>> ReadAsync(HttpContext context, MediaTypeHeaderValue type, FormBounds bounds, CancellationToken cancellationToken)
    {
        RequireUtf8(type);
        var total = IsMultipart(type) ? bounds.TotalBytes : Math.Min(bounds.FieldBytes, bounds.TotalBytes);
        context.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = total;
        try
        {
            return IsMultipart(type)
                ? await ReadMultipartAsync(context.Request.Body, BoundaryOf(type), bounds, cancellationToken)
                : await ReadUrlEncodedAsync(context.Request.Body, cancellationToken);
        }
        catch (BadHttpRequestException ex) when (ex.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            throw new BadFormException($"The form is larger than {total} bytes, which is the limit.", isTooLarge: true);
        }
        catch (Exception ex) when (ex is InvalidDataException or IOException and not BadHttpRequestException && !context.RequestAborted.IsCancellationRequested)
        {
            throw new BadFormException("The body is not the multipart form that its Content-Type says.");
        }
    }

    private static bool IsUrlEncoded(MediaTypeHeaderValue type) => type.MediaType.Equals("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase);

    private static bool IsMultipart(MediaTypeHeaderValue type) => type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase);

    private static void RequireUtf8(MediaTypeHeaderValue type)
    {
        var charset = HeaderUtilities.RemoveQuotes(type.Charset);
        if (charset.Length > 0 && !charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase) && !charset.Equals("us-ascii", StringComparison.OrdinalIgnoreCase))
        {
            throw new BadFormException("Forms are read in UTF-8 only.");
        }
    }

    private static string BoundaryOf(MediaTypeHeaderValue type)
    {
        var boundary = HeaderUtilities.RemoveQuotes(type.Boundary);
        return boundary.Length is > 0 and <= MaxBoundaryLength
            ? boundary.ToString()
            : throw new BadFormException($"A multipart form has a boundary of 1 to {MaxBoundaryLength} characters.");
    }

    private static async Task<IReadOnlyList<FormField>> ReadUrlEncodedAsync(Stream body, CancellationToken cancellationToken)
    {
        using var bytes = new MemoryStream();
        await body.CopyToAsync(bytes, cancellationToken);
        var fields = new List<FormField>();

        // The leading mark is what the reader skips; one in the form would be skipped without it.
        foreach (var pair in new QueryStringEnumerable("?" + Utf8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length)))
        {
            Add(fields, new FormField(pair.DecodeName().ToString(), pair.DecodeValue().ToString()));
        }

        return fields;
    }

    private static async Task<IReadOnlyList<FormField>> ReadMultipartAsync(Stream body, string boundary, FormBounds bounds, CancellationToken cancellationToken)
    {
        var reader = new MultipartReader(boundary, body, BufferBytes) { HeadersCountLimit = MaxPartHeaders, HeadersLengthLimit = MaxPartHeaderBytes };
        var fields = new List<FormField>();
        var left = bounds.FieldBytes;
        var buffer = new byte[BufferBytes];
        while (await reader.ReadNextSectionAsync(cancellationToken) is { } part)
        {
            if (!ContentDispositionHeaderValue.TryParse(part.ContentDisposition, out var disposition) || disposition.Name.Length == 0)
            {
                throw new BadFormException("A part of the multipart form has no name.");
            }

            var name = HeaderUtilities.UnescapeAsQuotedString(disposition.Name).ToString();
            left -= Utf8.GetByteCount(name);
            var fileName = FileNameOf(disposition);
            var value = fileName is null ? new ArrayBufferWriter<byte>() : null;
            var size = 0L;
            for (int read; (read = await part.Body.ReadAsync(buffer, cancellationToken)) > 0; size += read)
            {
                left -= value is null ? 0 : read;
                RequireRoom(left, bounds);
                value?.Write(buffer.AsSpan(0, read));
            }

            RequireRoom(left -= fileName is null ? 0 : Utf8.GetByteCount(fileName), bounds);
            if (value is not null)
            {
                Add(fields, new FormField(name, Utf8.GetString(value.WrittenSpan)));
            }
            else if (fileName!.Length > 0 || size > 0)
            {
                // A file input that was left empty sends a part without name and content.
                Add(fields, new FormField(name, fileName, new FormFile(fileName, size, part.ContentType)));
            }
        }

        return fields;
    }

    private static string? FileNameOf(ContentDispositionHeaderValue disposition) =>
        disposition.FileNameStar.HasValue ? disposition.FileNameStar.ToString()
        : disposition.FileName.HasValue ? HeaderUtilities.UnescapeAsQuotedString(disposition.FileName).ToString()
        : null;

    private static void RequireRoom(long left, FormBounds bounds)
    {
        if (left < 0)
        {
            throw new BadFormException($"The fields of the form are larger than {bounds.FieldBytes} bytes, which is the limit.", isTooLarge: true);
        }
    }

    private static void Add(List<FormField> fields, FormField field)
    {
        if (fields.Count == MaxFields)
        {
            throw new BadFormException($"The form has more than {MaxFields} fields.", isTooLarge: true);
        }

        fields.Add(field);
    }
}
