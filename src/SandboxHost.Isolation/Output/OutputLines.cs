using System.Text;
using CliWrap;
using Microsoft.Extensions.Logging;

namespace SandboxHost.Isolation.Output;

/// <summary>
/// Reads what a worker prints, as lines, and hands them on within bounds. Reading never stops, so that a worker cannot
/// block on a full pipe for good; past the bounds, text is dropped and counted, and read at a pace that costs the host little.
/// </summary>
internal sealed class OutputLines(string sandbox, Action<string> taker, TimeProvider time, ILogger logger) : IDisposable
{
    public const int MaxLineBytes = 8 << 10;
    public const int BytesPerWindow = 1 << 20;
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    /// <summary>Past the bound, so much is read at once, and then nothing for a moment: 5 MB/s.</summary>
    private const int BytesPerPause = 256 << 10;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private const int KeptLines = 5;

    // How V8 begins what it says before it aborts.
    private const string FatalPrefix = "FATAL ERROR: ";
    private static readonly byte[] FatalPrefixBytes = Encoding.ASCII.GetBytes(FatalPrefix);
    private readonly SemaphoreSlim _oneReader = new(1);
    private readonly List<string> _first = [];
    private long _windowStart = time.GetTimestamp();
    private int _windowBytes;
    private long _droppedLines;
    private long _windowRead;
    private long _excess;

    /// <summary>The first few lines: what a launch that failed said. Read when the process has ended.</summary>
    public IReadOnlyList<string> First => _first;

    /// <summary>
    /// The last line in which a runtime gives itself up, null without one; seen even when it came within a flood that is
    /// dropped. A function can print the like, and deceive nobody but its author. Read when the process has ended.
    /// </summary>
    public string? Fatal { get; private set; }

    /// <summary>A target for one of the process's streams. Lines of two streams are handed on one at a time.</summary>
    public PipeTarget NewTarget() => PipeTarget.Create(ReadAsync);

    public void Dispose() => _oneReader.Dispose();

    /// <summary>Says how many lines were dropped, if any were and that was not said yet. Called at the end.</summary>
    public Task FinishAsync() => OneAtATimeAsync(SayDropped);

    /// <summary>Hands on a line of the host's own, for the function's author, among the worker's and within the same bounds.</summary>
    public Task SayAsync(string line) => OneAtATimeAsync(() => Take(line));

    private async Task ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var buffer = new byte[16 << 10];
        var line = new LineAssembly();
        while (true)
        {
            if (_excess >= BytesPerPause)
            {
                _excess = 0;
                await Task.Delay(Pause, time, cancellationToken);
            }

            var length = await stream.ReadAsync(buffer, cancellationToken);
            await _oneReader.WaitAsync(cancellationToken);
            try
            {
                if (length == 0)
                {
                    Take(line.TakeRest());
                    return;
                }

                _excess += _windowRead > BytesPerWindow ? length : 0;
                _windowRead += length;
                Split(buffer.AsSpan(0, length), line);
            }
            finally
            {
                _oneReader.Release();
            }
        }
    }

    private async Task OneAtATimeAsync(Action act)
    {
        await _oneReader.WaitAsync();
        try
        {
            act();
        }
        finally
        {
            _oneReader.Release();
        }
    }

    private void Split(ReadOnlySpan<byte> bytes, LineAssembly line)
    {
        while (true)
        {
            bytes = line.IsEmpty ? DropLines(bytes) : bytes;
            var end = bytes.IndexOf((byte)'\n');
            if (end < 0)
            {
                line.Append(bytes);
                return;
            }

            line.Append(bytes[..end]);
            Take(line.TakeLine());
            bytes = bytes[(end + 1)..];
        }
    }

    /// <summary>Past the bound, lines are counted and not made into text: a flood of short ones would cost the host most.</summary>
    private ReadOnlySpan<byte> DropLines(ReadOnlySpan<byte> bytes)
    {
        if (_windowBytes <= BytesPerWindow || time.GetElapsedTime(_windowStart) >= Window || bytes.IndexOf(FatalPrefixBytes) >= 0)
        {
            return bytes;
        }

        var whole = bytes[..(bytes.LastIndexOf((byte)'\n') + 1)];
        _droppedLines += whole.Count((byte)'\n');
        return bytes[whole.Length..];
    }

    private void Take(string? line)
    {
        if (line is null)
        {
            return;
        }

        if (_first.Count < KeptLines)
        {
            _first.Add(line);
        }

        if (line.StartsWith(FatalPrefix, StringComparison.Ordinal))
        {
            Fatal = line;
        }

        if (time.GetElapsedTime(_windowStart) >= Window)
        {
            _windowStart = time.GetTimestamp();
            _windowBytes = 0;
            _windowRead = 0;
            SayDropped();
        }

        // Roughly bytes, and at least one a line, so that empty lines are bounded as well.
        _windowBytes += line.Length + 1;
        if (_windowBytes > BytesPerWindow)
        {
            _droppedLines++;
            return;
        }

        HandOn(line);
    }

    private void SayDropped()
    {
        if (_droppedLines > 0)
        {
            HandOn($"[sandboxhost] {_droppedLines} lines dropped: more than {BytesPerWindow} bytes in {Window.TotalSeconds} s");
            _droppedLines = 0;
        }
    }

    private void HandOn(string line)
    {
        try
        {
            taker(line);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // One bad line must not end the reading: the worker would block on its pipe.
            logger.OutputTakerFailed(sandbox, e);
        }
    }

    /// <summary>Collects the bytes of one line, up to a limit.</summary>
    private sealed class LineAssembly
    {
        private readonly byte[] _bytes = new byte[MaxLineBytes];
        private int _length;
        private long _cut;
        private bool _any;

        public bool IsEmpty => !_any && _cut == 0;

        public void Append(ReadOnlySpan<byte> bytes)
        {
            var kept = Math.Min(bytes.Length, MaxLineBytes - _length);
            bytes[..kept].CopyTo(_bytes.AsSpan(_length));
            _length += kept;
            _cut += bytes.Length - kept;
            _any |= bytes.Length > 0;
        }

        public string TakeLine()
        {
            var text = Encoding.UTF8.GetString(_bytes, 0, _length).TrimEnd('\r');
            var line = _cut > 0 ? $"{text} [sandboxhost] {_cut} bytes cut" : text;
            (_length, _cut, _any) = (0, 0, false);
            return line;
        }

        /// <summary>A last line without an end; null when there is none.</summary>
        public string? TakeRest() => _any ? TakeLine() : null;
    }
}
