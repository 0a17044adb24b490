using SandboxHost.Deployments;

namespace SandboxHost.Gateway.Tests;

/// <summary>Functions that ask themselves, by way of others or not (RFC 8586).</summary>
public sealed class LoopTests
{
    private const string Eight = "sandboxhost, sandboxhost, sandboxhost, sandboxhost, sandboxhost, sandboxhost, sandboxhost, sandboxhost";

    [TimedTheory]
    [InlineData("CDN-Loop: " + Eight, 200)]
    [InlineData("CDN-Loop: " + Eight + ", sandboxhost", 508)]
    [InlineData("CDN-Loop: " + Eight + "\ncdn-loop: SandboxHost", 508)]
    [InlineData("CDN-Loop: " + Eight + ",sandboxhost \t; hop=9", 508)]
    [InlineData("CDN-Loop: other, " + Eight + ",, sandboxhost.example, sandboxhost:80, netlify", 200)]
    [InlineData("CDN-Loop: " + Eight + ", other; x=\"a, sandboxhost\"; y=\"\\\", sandboxhost\"", 200)]
    [InlineData("CDN-Loop: " + Eight + ", other; x=\"unclosed, sandboxhost", 200)]
    [InlineData("X: 1", 200)]
    public async Task A_request_may_have_been_here_eight_times(string header, int status)
    {
        await using var host = await GatewayHost.StartAsync();
        using var client = await host.ConnectAsync();

        await client.SendAsync($"GET / HTTP/1.1\nHost: h\n{header}\nConnection: close\n\n");
        var answer = await client.ReceiveToEndAsync();

        Assert.StartsWith($"HTTP/1.1 {status} ", answer);
        Assert.Equal(status == 508, answer.Contains("\"code\":\"loop_detected\"", StringComparison.Ordinal));
        Assert.Equal(status == 200 ? 1 : 0, host.Invoker.Requests.Count);
    }

    [TimedFact]
    public async Task What_came_in_reaches_the_function_whose_runner_adds_to_it()
    {
        await using var host = await GatewayHost.StartAsync();
        using var client = await host.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\nHost: h\nCDN-Loop: other\nCDN-Loop: sandboxhost\nConnection: close\n\n");
        await client.ReceiveToEndAsync();

        Assert.Equal(
            ["other", "sandboxhost"],
            host.Invoker.Single.Headers.Chunk(2).Where(pair => pair[0] == "cdn-loop").Select(pair => pair[1]));
    }

    [TimedFact]
    public async Task Background_functions_take_part()
    {
        await using var host = await GatewayHost.StartAsync(GatewayHost.Function("all", FunctionKind.Background, "/*"));
        using var client = await host.ConnectAsync();

        await client.SendAsync($"GET / HTTP/1.1\nHost: h\nCDN-Loop: {Eight},sandboxhost\nConnection: close\n\n");

        Assert.StartsWith("HTTP/1.1 508 ", await client.ReceiveToEndAsync());
    }
}
