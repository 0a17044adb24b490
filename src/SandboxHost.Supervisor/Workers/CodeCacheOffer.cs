using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Grpc.Core;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Supervisor.Transport;

namespace SandboxHost.Supervisor.Workers;

/// <summary>A code cache that a worker has announced and will send, once.</summary>
internal sealed partial class CodeCacheOffer
{
    private const int MaxFiles = 256;
    private const int MaxBytes = 8 * 1024 * 1024;

    private readonly IReadOnlyList<CodeCacheFile> _announced;
    private readonly CodeCache _cache;
    private readonly CodeCacheBudget _budget;
    private bool _taken;

    private CodeCacheOffer(IReadOnlyList<CodeCacheFile> announced, CodeCache cache, CodeCacheBudget budget)
    {
        _announced = announced;
        _cache = cache;
        _budget = budget;
    }

    private int Length => _announced.Sum(file => (int)file.Bytes);

    /// <exception cref="ProtocolViolation">Too much, a name that Node does not give, or no hash.</exception>
    public static CodeCacheOffer Read(IReadOnlyList<CodeCacheFile> files, CodeCache cache, CodeCacheBudget budget)
    {
        var legal = files.Count <= MaxFiles
            && files.Sum(file => (long)file.Bytes) <= MaxBytes
            && files.All(file => LegalName().IsMatch(file.Name) && file.Sha256.Length == SHA256.HashSizeInBytes)
            && files.Select(file => file.Name).Distinct().Count() == files.Count;
        return legal ? new CodeCacheOffer(files, cache, budget) : throw new ProtocolViolation("a code cache that is not legal");
    }

    /// <summary>Takes the bytes and keeps them if there is room.</summary>
    /// <returns>Bytes taken.</returns>
    /// <exception cref="ProtocolViolation">They are not what was announced, or come a second time.</exception>
    public async Task<long> ReceiveAsync(IAsyncStreamReader<BodyChunk> stream, CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _taken, true))
        {
            throw new ProtocolViolation("a code cache that was sent twice");
        }

        if (!_budget.TryTake(Length))
        {
            return 0;
        }

        var kept = false;
        try
        {
            var files = Verify(await ReadAsync(stream, cancellationToken));
            kept = _cache.TryKeep(files);
            return Length;
        }
        finally
        {
            if (!kept)
            {
                _budget.Release(Length);
            }
        }
    }

    private async Task<byte[]> ReadAsync(IAsyncStreamReader<BodyChunk> stream, CancellationToken cancellationToken)
    {
        var bytes = new byte[Length];
        var length = 0;
        while (await stream.MoveNext(cancellationToken))
        {
            var data = stream.Current.Data.Span;
            if (data.Length > bytes.Length - length)
            {
                throw new ProtocolViolation("a code cache that is longer than announced");
            }

            data.CopyTo(bytes.AsSpan(length));
            length += data.Length;
            if (stream.Current.Last)
            {
                break;
            }
        }

        return length == bytes.Length ? bytes : throw new ProtocolViolation("a code cache that is shorter than announced");
    }

    private List<CodeCacheContent> Verify(byte[] bytes)
    {
        var files = new List<CodeCacheContent>(_announced.Count);
        var start = 0;
        foreach (var announced in _announced)
        {
            var content = bytes.AsSpan(start, (int)announced.Bytes).ToArray();
            if (!SHA256.HashData(content).AsSpan().SequenceEqual(announced.Sha256.Span))
            {
                throw new ProtocolViolation("a code cache that is not the one announced");
            }

            files.Add(new CodeCacheContent(announced.Name, content));
            start += content.Length;
        }

        return files;
    }

    [GeneratedRegex(@"^[0-9a-f]{1,8}\z", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex LegalName();
}
