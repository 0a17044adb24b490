using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;

namespace SandboxHost.Gateway;

/// <summary>Reads a request's body into memory.</summary>
internal static class WholeBody
{
    /// <param name="limit">Bytes.</param>
    /// <returns>Null when it is longer.</returns>
    /// <exception cref="OperationCanceledException">It took too long.</exception>
    public static async Task<byte[]?> ReadAsync(HttpContext context, long limit, CancellationToken cancellationToken)
    {
        var reader = context.Request.BodyReader;
        // A token in the read itself would leave Kestrel's reader in the middle of one; it then fails to drain, and logs an error.
        await using var stop = cancellationToken.UnsafeRegister(static state => ((PipeReader)state!).CancelPendingRead(), reader);
        while (true)
        {
            var read = await reader.ReadAsync(CancellationToken.None);
            if (read.IsCanceled)
            {
                reader.AdvanceTo(read.Buffer.Start);
                throw new OperationCanceledException(cancellationToken);
            }

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
