using System.Net;

namespace SandboxHost.Chaos.Hostile;

/// <summary>What functions print, and what must not be in it. Numbers are those of docs/threat-model.md.</summary>
[Collection(nameof(HostileCases))]
public sealed class OutputTests(HostileHost hostile)
{
    private const long Megabyte = 1 << 20;

    [Theory(Timeout = HostileHost.CaseMilliseconds)]
    [InlineData("lines", 64)]
    [InlineData("line", 64)]
    [InlineData("binary", 64)]
    [InlineData("escapes", 64)]
    [InlineData("console", 32)]
    public Task Case_14_a_flood_of_output_is_bounded_counted_and_obeyed_by_no_terminal(string kind, int megabytes) => hostile.RunAsync("flood", async attack =>
    {
        var before = attack.Host.ResidentBytes();
        using (var reply = await attack.AskAsync($"kind={kind}&mb={megabytes}"))
        {
            // It may be too slow for its limit; it may not be blocked for good.
            Assert.Contains(reply.StatusCode, new[] { HttpStatusCode.OK, HttpStatusCode.GatewayTimeout });
        }

        Assert.InRange(attack.Host.ResidentBytes() - before, long.MinValue, 64 * Megabyte);
        await attack.WaitForLineAsync(kind == "line" ? "bytes cut" : kind == "console" ? "dropped" : "lines dropped");
        Assert.DoesNotContain(attack.Output, line => line.Any(c => char.IsControl(c) && c != '\t'));
        Assert.InRange(attack.Output.Sum(line => (long)line.Length), 0, 24 * Megabyte);
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_21_values_of_secrets_are_masked_in_the_log_and_in_error_pages() => hostile.RunAsync("secrets", async attack =>
    {
        using var reply = await attack.AskAsync();
        var text = await reply.Content.ReadAsStringAsync();

        Assert.Contains("payment refused for [PAYMENT_API_KEY]", text);
        await attack.WaitForLineAsync("greeting good day to you, key [PAYMENT_API_KEY]!");
        await attack.WaitForLineAsync("payment refused for [PAYMENT_API_KEY]");
        Assert.DoesNotContain(attack.Output.Append(text), line => line.Contains("sk-live", StringComparison.Ordinal));
    });
}
