using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using SandboxHost.Isolation.Output;

namespace SandboxHost.Fuzzing.Targets;

/// <summary>What a worker prints.</summary>
internal static class OutputTarget
{
    private const int RoomForMarker = 64;

    public static FuzzTarget Create() => new("output", "what a worker prints", Run, Seeds());

    private static void Run(byte[] input)
    {
        var taken = 0L;
        void Take(string line)
        {
            taken += line.Length;
            FuzzTarget.Holds(line.Length <= OutputLines.MaxLineBytes + RoomForMarker && !line.Contains('\n', StringComparison.Ordinal), "a line is a line, and not too long");
        }

        var failures = new FailureLog();
        using var output = new OutputLines("fuzzed", Take, new FakeTimeProvider(), failures);
        output.NewTarget().CopyFromAsync(new MemoryStream(input), CancellationToken.None).GetAwaiter().GetResult();
        output.FinishAsync().GetAwaiter().GetResult();
        FuzzTarget.Holds(failures.Count == 0, "lines are as they should be");
        FuzzTarget.Holds(taken <= input.Length + ((input.Length / OutputLines.MaxLineBytes + 1) * RoomForMarker), "nothing is added but that something was cut");
    }

    private static List<byte[]> Seeds() =>
    [
        FuzzTarget.Text("one\ntwo\r\n\nthree"), FuzzTarget.Text("\u001b[31mred\u0007\n"), Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("ä€😀", 3000))),
        [0xFF, 0xFE, 0x0A, 0x00, 0x0A], FuzzTarget.Text(new string('\n', 3000)), FuzzTarget.Text(new string('x', 20_000)),
    ];

    // A taker that throws is logged and not passed on.
    private sealed class FailureLog : ILogger
    {
        public int Count { get; private set; }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Count++;
    }
}
