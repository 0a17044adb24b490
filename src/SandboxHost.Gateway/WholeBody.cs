using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace SandboxHost.Gateway;

/// <summary>Reads a request's body into memory.</summary>
internal static class WholeBody
{
    /// <param name="limit">Bytes.</param>
    /// <returns>Null when it is longer.</returns>
    public static async Task<byte[]?> ReadAsync(HttpContext context, long limit, CancellationToken cancellationToken)
    {
        var reader = context.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(cancellationToken);
            if (read.Buffer.Length > limit)
            {
                reader.AdvanceTo(read.Buffer.End);
                return null;
            }

            if (read.IsCompleted)
            {
                var body = read.Buffer.ToArray();
                reader.AdvanceTo(read.Buffer.End);
                return body;
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }
}
