using SandboxHost.Deployments;
using SandboxHost.Sites.Config;

namespace SandboxHost.Sites.Tests.Config;

public sealed class LimitsReaderTests
{
    [TimedTheory]
    [InlineData("500ms", 0.5)]
    [InlineData("10s", 10)]
    [InlineData("1.5 min", 90)]
    [InlineData("24h", 86400)]
    public void Times_have_units(string text, double seconds)
    {
        var time = TimeSpan.FromSeconds(seconds);

        Assert.Equal(time, LimitsReader.Set(FunctionLimits.Default, "streaming_time", text)!.StreamingTime);
        Assert.Equal(time, LimitsReader.Set(FunctionLimits.Default, "buffered_time", text)!.BufferedTime);
        Assert.Equal(time, LimitsReader.Set(FunctionLimits.Default, "background_time", text)!.BackgroundTime);
        Assert.Equal(time, LimitsReader.Set(FunctionLimits.Default, "scheduled_time", text)!.ScheduledTime);
        Assert.Equal(time, LimitsReader.Set(FunctionLimits.Default, "queue_time", text)!.QueueTime);
    }

    [TimedTheory]
    [InlineData("0b", 0)]
    [InlineData("100 b", 100)]
    [InlineData("1.5kb", 1536)]
    [InlineData("20mb", 20 << 20)]
    [InlineData("2gb", 2L << 30)]
    public void Sizes_have_units(string text, long bytes)
    {
        Assert.Equal(bytes, LimitsReader.Set(FunctionLimits.Default, "streaming_size", text)!.StreamingBytes);
        Assert.Equal(bytes, LimitsReader.Set(FunctionLimits.Default, "buffered_size", text)!.BufferedBytes);
        Assert.Equal(bytes, LimitsReader.Set(FunctionLimits.Default, "request_size", text)!.RequestBytes);
    }

    [TimedFact]
    public void Numbers_are_set()
    {
        Assert.Equal(0.25, LimitsReader.Set(FunctionLimits.Default, "vcpu", "0.25")!.Vcpu);
        Assert.Equal(10_000, LimitsReader.Set(FunctionLimits.Default, "concurrency", "10000")!.Concurrency);
        Assert.Equal(1000, LimitsReader.Set(FunctionLimits.Default, "max_workers", "1000")!.MaxWorkers);
        Assert.Equal(100_000, LimitsReader.Set(FunctionLimits.Default, "queue_length", "100000")!.QueueLength);
        Assert.Equal(128L << 20, LimitsReader.Set(FunctionLimits.Default, "memory", "128mb")!.MemoryBytes);
        Assert.Equal(50L << 20, LimitsReader.Set(FunctionLimits.Default, "bundle_size", "50mb")!.BundleBytes);
        Assert.Equal(64L << 20, LimitsReader.Set(FunctionLimits.Default, "background_size", "64mb")!.BackgroundBytes);
    }

    [TimedFact]
    public void Retries_are_a_list_of_times()
    {
        Assert.Equal([TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(2)], LimitsReader.Set(FunctionLimits.Default, "background_retries", "1s, 2min")!.BackgroundRetries);
        Assert.Empty(LimitsReader.Set(FunctionLimits.Default, "background_retries", "none")!.BackgroundRetries);
    }

    [TimedTheory]
    [InlineData("background_retries", "")]
    [InlineData("background_retries", "1s,")]
    [InlineData("background_retries", "1s 2s")]
    [InlineData("background_retries", "1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s")]
    [InlineData("streaming_time", "0s")]
    [InlineData("streaming_time", "10")]
    [InlineData("streaming_time", "10sec")]
    [InlineData("streaming_time", "-1s")]
    [InlineData("streaming_time", "25h")]
    [InlineData("streaming_time", "999999999h")]
    [InlineData("streaming_time", "99999999999999999999s")]
    [InlineData("streaming_time", "")]
    [InlineData("request_size", "10")]
    [InlineData("request_size", "10MB")]
    [InlineData("request_size", "-1kb")]
    [InlineData("background_size", "65mb")]
    [InlineData("memory", "127mb")]
    [InlineData("vcpu", "0")]
    [InlineData("vcpu", "-1")]
    [InlineData("vcpu", "257")]
    [InlineData("vcpu", "NaN")]
    [InlineData("concurrency", "0")]
    [InlineData("concurrency", "1.5")]
    [InlineData("concurrency", "10001")]
    [InlineData("max_workers", "1001")]
    [InlineData("queue_length", "99999999999")]
    [InlineData("Memory", "1gb")]
    [InlineData("nothing", "1")]
    public void Other_values_are_refused_with_a_rule(string key, string value)
    {
        Assert.Null(LimitsReader.Set(FunctionLimits.Default, key, value));
        Assert.NotEmpty(LimitsReader.RuleOf(key));
    }

    [TimedFact]
    public void Every_limit_has_a_name_and_a_rule_of_its_own()
    {
        string[] keys =
        [
            "streaming_time", "buffered_time", "background_time", "scheduled_time", "queue_time", "streaming_size", "buffered_size", "request_size", "background_retries",
            "background_size", "bundle_size", "memory", "vcpu", "concurrency", "max_workers", "queue_length",
        ];

        Assert.All(keys, key => Assert.NotEqual("no limit has this name", LimitsReader.RuleOf(key)));
        Assert.Equal(typeof(FunctionLimits).GetProperties().Count(property => property.CanWrite), keys.Length);
    }
}
