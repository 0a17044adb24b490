using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using Perfolizer.Horology;

namespace SandboxHost.Benchmarks;

/// <summary>A percentile that BenchmarkDotNet has no column for.</summary>
internal sealed class PercentileColumn(int percent) : IColumn
{
    public string Id => string.Create(CultureInfo.InvariantCulture, $"{nameof(PercentileColumn)}.{percent}");

    public string ColumnName => string.Create(CultureInfo.InvariantCulture, $"P{percent}");

    public string Legend => string.Create(CultureInfo.InvariantCulture, $"Percentile {percent}");

    public bool AlwaysShow => true;

    public ColumnCategory Category => ColumnCategory.Statistics;

    public int PriorityInCategory => percent;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Time;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase) => GetValue(summary, benchmarkCase, summary.Style);

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style)
    {
        var statistics = summary[benchmarkCase]?.ResultStatistics;
        return statistics is null ? "NA" : TimeInterval.FromNanoseconds(statistics.Percentiles.Percentile(percent)).ToString();
    }

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public bool IsAvailable(Summary summary) => true;

    public override string ToString() => ColumnName;
}
