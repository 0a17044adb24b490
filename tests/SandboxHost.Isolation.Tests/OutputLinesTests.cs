using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using SandboxHost.Isolation.Output;

namespace SandboxHost.Isolation;

public sealed class OutputLinesTests
{
    private readonly List<string> _taken = [];
    private readonly FakeTimeProvider _time = new();

    [TimedFact]
    public async Task Lines_are_lines_however_they_are_cut()
    {
        await ReadAsync("one\ntwo\r\n", "thr", "ee\n", "\n", "last");

        Assert.Equal(["one", "two", "three", "", "last"], _taken);
    }

    [TimedFact]
    public async Task Long_line_is_cut_and_says_so()
    {
        await ReadAsync(new string('x', 10_000) + "\nshort\n");

        Assert.Equal(2, _taken.Count);
        Assert.Equal(new string('x', 8192) + " [sandboxhost] 1808 bytes cut", _taken[0]);
        Assert.Equal("short", _taken[1]);
    }

    [TimedFact]
    public async Task Too_much_is_dropped_and_counted_when_the_window_is_over()
    {
        using var output = NewOutput();
        var line = new string('x', 1023) + "\n";
        await ReadAsync(output, string.Concat(Enumerable.Repeat(line, 1030)));
        Assert.Equal(1024, _taken.Count);

        _time.Advance(OutputLines.Window);
        await ReadAsync(output, "after\n");
        await output.FinishAsync();

        Assert.Equal(1026, _taken.Count);
        Assert.StartsWith("[sandboxhost] 6 lines dropped", _taken[^2], StringComparison.Ordinal);
        Assert.Equal("after", _taken[^1]);
    }

    [TimedFact]
    public async Task Empty_lines_count_as_well()
    {
        using var output = NewOutput();
        await ReadAsync(output, new string('\n', (1 << 20) + 10));
        await output.FinishAsync();

        Assert.Equal((1 << 20) + 1, _taken.Count);
        Assert.StartsWith("[sandboxhost] 10 lines dropped", _taken[^1], StringComparison.Ordinal);
    }

    [TimedFact]
    public async Task Flood_is_read_at_a_pace()
    {
        using var output = NewOutput();
        var reading = output.NewTarget().CopyFromAsync(new MemoryStream(new byte[(1 << 20) + (512 << 10)]));
        Assert.False(reading.IsCompleted);

        await Eventually.TrueAsync(
            () =>
            {
                _time.Advance(TimeSpan.FromMilliseconds(50));
                return reading.IsCompleted;
            },
            TimeSpan.FromSeconds(5),
            "all is read");
        await reading;
    }

    [TimedFact]
    public async Task Lines_of_a_flood_are_counted_one_by_one_however_they_are_cut()
    {
        using var output = NewOutput();
        await ReadAsync(output, string.Concat(Enumerable.Repeat(new string('x', 1023) + "\n", 1024)) + string.Concat(Enumerable.Repeat("a\n\nbcd\n", 10_000)) + "rest");
        _time.Advance(OutputLines.Window);
        await ReadAsync(output, "after\n");

        Assert.Contains("[sandboxhost] 30001 lines dropped", string.Join('\n', _taken));
        Assert.Equal("after", _taken[^1]);
    }

    [TimedFact]
    public async Task What_a_runtime_says_as_it_gives_up_is_kept_even_out_of_a_flood()
    {
        using var output = NewOutput();
        await ReadAsync(output, new string('\n', (1 << 20) + 10) + "FATAL ERROR: no heap\n 1: 0xb8d0 node::Abort()\n");

        Assert.DoesNotContain("FATAL ERROR: no heap", _taken);
        Assert.Equal("FATAL ERROR: no heap", output.Fatal);
    }

    [TimedFact]
    public async Task Taker_that_fails_does_not_stop_the_reading()
    {
        using var output = new OutputLines("s", line => { _taken.Add(line); throw new InvalidOperationException("no"); }, _time, NullLogger.Instance);
        await ReadAsync(output, "one\ntwo\n");

        Assert.Equal(["one", "two"], _taken);
        Assert.Equal(["one", "two"], output.First);
    }

    [TimedFact]
    public async Task Bytes_that_are_no_text_are_replaced()
    {
        using var output = NewOutput();
        await output.NewTarget().CopyFromAsync(new MemoryStream([(byte)'a', 0xFF, (byte)'b', (byte)'\n']));

        Assert.Equal(["a\uFFFDb"], _taken);
    }

    private OutputLines NewOutput() => new("s", _taken.Add, _time, NullLogger.Instance);

    private async Task ReadAsync(params string[] parts)
    {
        using var output = NewOutput();
        await ReadAsync(output, parts);
    }

    private static async Task ReadAsync(OutputLines output, params string[] parts)
    {
        var pipe = new System.IO.Pipelines.Pipe();
        var reading = output.NewTarget().CopyFromAsync(pipe.Reader.AsStream());
        foreach (var part in parts)
        {
            await pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes(part));
        }

        await pipe.Writer.CompleteAsync();
        await reading;
    }
}
