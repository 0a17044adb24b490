using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Exporters.Json;
using BenchmarkDotNet.Loggers;

namespace SandboxHost.Benchmarks;

/// <summary>What is shown and written: percentiles beside the usual columns, and every single iteration as JSON.</summary>
internal sealed class BenchmarkSettings : ManualConfig
{
    public BenchmarkSettings()
    {
        AddColumnProvider(DefaultColumnProviders.Instance);
        AddColumn(StatisticColumn.P90, new PercentileColumn(99));
        AddExporter(JsonExporter.Full, MarkdownExporter.GitHub);
        AddLogger(ConsoleLogger.Default);
        WithOptions(ConfigOptions.DisableLogFile);
    }
}
