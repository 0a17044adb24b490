using System.Text;
using System.Threading.Channels;
using SandboxHost.Output;

namespace SandboxHost.Cli;

/// <summary>
/// Prints what functions print. One writer, a bounded queue: a function that floods its output loses lines and is told
/// how many, and never makes the host wait. What waits is written at once, so that a flood costs the host little. Control
/// characters are shown, not obeyed: a function does not get to write to the developer's terminal.
/// </summary>
internal sealed class ConsoleOutput : ILogSink, IAsyncDisposable
{
    private const int MaxWaiting = 10_000;

    // Lines of functions may be long, and all that wait are kept in memory.
    private const int MaxWaitingCharacters = 8 << 20;

    private readonly Channel<(string Prefix, string Color, string Text)> _lines = Channel.CreateBounded<(string, string, string)>(MaxWaiting);
    private readonly TextWriter _console;
    private readonly bool _hasColors;
    private readonly Task _writing;
    private long _dropped;
    private long _waitingCharacters;

    /// <param name="console">Buffered; it is flushed when nothing waits.</param>
    /// <param name="hasColors">Whether it obeys the sequences of ECMA-48.</param>
    public ConsoleOutput(TextWriter console, bool hasColors)
    {
        _console = console;
        _hasColors = hasColors;
        _writing = WriteAsync();
    }

    /// <summary>Lines say of which site a function is. Default false: there is one.</summary>
    public bool NamesSites { get; init; }

    public void Write(in OutputLine line)
    {
        var color = line.Level switch
        {
            OutputLevel.Error => "red",
            OutputLevel.Warn => "yellow",
            OutputLevel.Debug => "grey",
            _ => "default",
        };
        Add((NamesSites ? line.Function?.ToString() : line.Function?.Name) ?? "", color, line.Text);
    }

    /// <summary>A line of the host's own.</summary>
    public void Say(string text, string color = "default") => Add("", color, text);

    public async ValueTask DisposeAsync()
    {
        _lines.Writer.TryComplete();
        await _writing;
    }

    private void Add(string prefix, string color, string text)
    {
        if (Interlocked.Add(ref _waitingCharacters, text.Length) > MaxWaitingCharacters || !_lines.Writer.TryWrite((prefix, color, text)))
        {
            Interlocked.Add(ref _waitingCharacters, -text.Length);
            Interlocked.Increment(ref _dropped);
        }
    }

    private async Task WriteAsync()
    {
        while (await _lines.Reader.WaitToReadAsync())
        {
            while (_lines.Reader.TryRead(out var line))
            {
                Interlocked.Add(ref _waitingCharacters, -line.Text.Length);
                var dropped = Interlocked.Exchange(ref _dropped, 0);
                if (dropped > 0)
                {
                    Print("", "yellow", $"{dropped} lines were dropped: they came faster than they could be printed.");
                }

                Print(line.Prefix, line.Color, line.Text);
            }

            await _console.FlushAsync();
        }
    }

    private void Print(string prefix, string color, string text)
    {
        foreach (var line in text.TrimEnd('\n').Split('\n'))
        {
            if (prefix.Length > 0)
            {
                WriteIn("grey", $"[{prefix}] ");
            }

            WriteIn(color, Visible(line));
            _console.Write('\n');
        }
    }

    private void WriteIn(string color, string text)
    {
        var sequence = !_hasColors ? "" : color switch
        {
            "red" => "\e[91m",
            "yellow" => "\e[93m",
            "green" => "\e[32m",
            "grey" => "\e[90m",
            _ => "",
        };
        _console.Write(sequence);
        _console.Write(text);
        _console.Write(sequence.Length > 0 ? "\e[0m" : "");
    }

    // U+2400 … are the pictures of the control characters.
    private static string Visible(string line)
    {
        if (!line.Any(c => char.IsControl(c) && c != '\t'))
        {
            return line;
        }

        var visible = new StringBuilder(line.Length);
        foreach (var c in line)
        {
            visible.Append(c switch
            {
                '\t' => c,
                < ' ' => (char)(0x2400 + c),
                '\x7f' => '\u2421',
                _ when char.IsControl(c) => '\ufffd',
                _ => c,
            });
        }

        return visible.ToString();
    }
}
