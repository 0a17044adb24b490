using Microsoft.Extensions.Logging;

namespace SandboxHost.Cli;

/// <summary>Prints the host's own log beside what functions print, through the same queue.</summary>
internal sealed class ConsoleLoggerProvider(ConsoleOutput output) : ILoggerProvider
{
    public ILogger CreateLogger(string categoryName) => new ConsoleLogger(categoryName, output);

    public void Dispose()
    {
        // The queue belongs to the command.
    }

    private sealed class ConsoleLogger(string category, ConsoleOutput output) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var color = logLevel switch { >= LogLevel.Error => "red", LogLevel.Warning => "yellow", _ => "grey" };
            output.Say($"{logLevel} {category}[{eventId.Id}] {formatter(state, exception)}{(exception is null ? "" : "\n" + exception)}", color);
        }
    }
}
