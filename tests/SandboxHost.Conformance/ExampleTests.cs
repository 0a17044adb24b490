using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>The examples do what their comments say.</summary>
public sealed class ExampleTests
{
    [Fact(Timeout = 60_000)]
    public async Task Hello_greets_by_name()
    {
        await using var host = await HostProcess.StartAsync(Repository.Example("hello"));
        using var client = new HttpClient { BaseAddress = host.Address };

        Assert.Equal("Hello, world!", await client.GetStringAsync("/.netlify/functions/hello"));
        var greeting = await client.GetFromJsonAsync<JsonElement>("/greet/Ada");
        Assert.Equal("Hello, Ada!", greeting.GetProperty("message").GetString());
    }

    [Fact(Timeout = 60_000)]
    public async Task Typescript_with_an_npm_package_makes_tickets()
    {
        await using var host = await HostProcess.StartAsync(Repository.Example("typescript"));
        using var client = new HttpClient { BaseAddress = host.Address };
        var reply = await client.GetAsync("/tickets/concert");
        var ticket = await reply.Content.ReadFromJsonAsync<JsonElement>();

        Assert.Equal(HttpStatusCode.Created, reply.StatusCode);
        Assert.Equal("Admit one: Concert", ticket.GetProperty("label").GetString());
        Assert.Matches("^[A-HJ-NP-Z2-9]{8}$", ticket.GetProperty("id").GetString());
    }

    [Fact(Timeout = 60_000)]
    public async Task The_chat_passes_on_the_models_words_one_by_one()
    {
        using var model = StartModel(out var port);
        try
        {
            using var site = CopyOf("ai-chat");
            site.WriteFile("sandboxhost.toml", $"[environment]\nMODEL_URL = \"http://host.internal:{port}\"\nMODEL_KEY = \"k\"\n[egress]\nallow = [\"localhost:{port}\"]\n");
            await using var host = await HostProcess.StartAsync(site.Directory);
            using var client = new HttpClient { BaseAddress = host.Address };
            using var request = new HttpRequestMessage(HttpMethod.Post, "/chat") { Content = JsonContent.Create(new { prompt = "one two three" }) };
            using var reply = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            using var reader = new StreamReader(await reply.Content.ReadAsStreamAsync());
            var arrivals = new List<(string Line, long At)>();
            while (await reader.ReadLineAsync() is { } line)
            {
                if (line.Length > 0)
                {
                    arrivals.Add((line, Stopwatch.GetTimestamp()));
                }
            }

            Assert.Equal(HttpStatusCode.OK, reply.StatusCode);
            Assert.Equal("data: [DONE]", arrivals[^1].Line);
            Assert.Equal(6, arrivals.Count);
            // One by one, not all at the end: the fake model waits 100 ms between words. The first may have been read late.
            Assert.InRange(Stopwatch.GetElapsedTime(arrivals[0].At, arrivals[^1].At).TotalMilliseconds, 150, 5000);
        }
        finally
        {
            model.Kill();
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task The_background_report_goes_on_after_202()
    {
        await using var host = await HostProcess.StartAsync(Repository.Example("background"));
        using var client = new HttpClient { BaseAddress = host.Address };

        Assert.Equal(HttpStatusCode.Accepted, (await client.PostAsJsonAsync("/report", new { rows = 1 })).StatusCode);
        await host.WaitForLineAsync("[report] report done");
        await host.WaitForLineAsync("Done executing background function report");
    }

    [Fact(Timeout = 60_000)]
    public async Task The_scheduled_cleanup_runs_when_its_url_is_opened()
    {
        await using var host = await HostProcess.StartAsync(Repository.Example("scheduled"));
        using var client = new HttpClient { BaseAddress = host.Address };
        await client.GetAsync("/.netlify/functions/cleanup");

        await host.WaitForLineAsync("[cleanup] cleaning up; the next run is at");
    }

    private static Process StartModel(out int port)
    {
        var node = Environment.GetEnvironmentVariable("NODE") ?? "node";
        var model = Process.Start(new ProcessStartInfo(node, [Path.Combine(Repository.Example("ai-chat"), "fake-model.mjs"), "0"]) { RedirectStandardOutput = true, UseShellExecute = false })!;
        port = new Uri(model.StandardOutput.ReadLine()!["Fake model at ".Length..]).Port;
        return model;
    }

    private static TemporarySite CopyOf(string example)
    {
        var site = new TemporarySite();
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Repository.Example(example), "netlify", "functions")))
        {
            site.Write(Path.GetFileName(file), File.ReadAllText(file));
        }

        return site;
    }
}
