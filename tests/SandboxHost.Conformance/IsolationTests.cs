using System.Net.Http.Json;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>What a function can't reach, tried from inside.</summary>
[Collection<Alone>]
public sealed class IsolationTests(HostFixture fixture)
{
    private HttpClient Client => fixture.Client;

    [Fact(Timeout = 30_000)]
    public async Task FC_28_a_function_sees_none_of_the_hosts_files_and_can_write_its_tmp_only()
    {
        var files = (await ReachAsync()).GetProperty("files");

        Assert.Equal("ENOENT", Error(files, "hostFile"));
        Assert.Equal("ENOENT", Error(files, "etcShadow"));
        Assert.Equal("ENOENT", Error(files, "home"));
        Assert.Equal("ENOENT", Error(files, "sys"));
        Assert.Equal("EACCES", Error(files, "kallsyms"));
        Assert.Equal("EROFS", Error(files, "writeRoot"));
        Assert.Equal("EROFS", Error(files, "writeFunction"));
        Assert.Equal("EROFS", Error(files, "writeRunner"));
        Assert.Contains(Error(files, "corePattern"), new[] { "EROFS", "EACCES" });
        Assert.True(files.GetProperty("writeTmp").GetProperty("ok").GetBoolean());
        var root = files.GetProperty("root").GetProperty("ok").EnumerateArray().Select(name => name.GetString());
        Assert.Empty(root.Except(["dev", "etc", "function", "lib", "lib64", "proc", "run", "runner", "tmp", "usr"]));
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_29_a_function_sees_none_of_the_hosts_processes()
    {
        var seen = await ReachAsync();

        // bubblewrap's own first process, and the runner.
        Assert.InRange(seen.GetProperty("processes").GetArrayLength(), 1, 3);
        Assert.DoesNotContain(seen.GetProperty("commandLines").EnumerateArray(), line => line.GetString()!.Contains("dotnet", StringComparison.Ordinal));
        Assert.Equal("ESRCH", Error(seen, "killHost"));
        Assert.NotEqual(0, seen.GetProperty("uid").GetInt32());
        Assert.Contains(Error(seen, "setuid"), new[] { "EPERM", "ERR_UNKNOWN_CREDENTIAL", "EINVAL" });
        Assert.Equal(["node"], seen.GetProperty("programs").GetProperty("ok").EnumerateArray().Select(name => name.GetString()));
        Assert.Equal("ENOENT", Error(seen, "shell"));
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_30_a_function_sees_its_own_environment_only()
    {
        var seen = await ReachAsync();
        var text = seen.GetProperty("environment").GetRawText() + seen.GetProperty("initialEnvironment").GetRawText();

        Assert.DoesNotContain("the-hosts-own-secret", text);
        Assert.DoesNotContain("the-neighbours", text);
        Assert.DoesNotContain(seen.GetProperty("environment").EnumerateObject(), variable => variable.Name.StartsWith("SANDBOXHOST_", StringComparison.Ordinal));
        Assert.Equal("site", seen.GetProperty("environment").GetProperty("SITE_NAME").GetString());
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_31_a_function_reaches_no_service_of_the_host_or_its_network()
    {
        var before = fixture.Forbidden.Connections;
        var network = (await ReachAsync()).GetProperty("network");

        Assert.Equal(["lo"], network.GetProperty("interfaces").EnumerateArray().Select(name => name.GetString()));
        Assert.Equal("ECONNREFUSED", network.GetProperty("hostLoopback").GetString());
        Assert.Equal("ECONNRESET", network.GetProperty("metadata").GetString());
        Assert.Equal(before, fixture.Forbidden.Connections);
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_32_the_egress_door_lets_through_what_is_allowed_and_refuses_the_rest_by_name()
    {
        Assert.Equal("allowed", await Client.GetStringAsync($"/outside?url=http://host.internal:{fixture.Allowed.Port}/"));

        var refused = await Client.GetAsync($"/outside?url=http://host.internal:{fixture.Forbidden.Port}/");
        Assert.False(refused.IsSuccessStatusCode);
        Assert.Equal(0, fixture.Forbidden.Connections);
        await fixture.Host.WaitForLineAsync($"[outside] The egress door refused host.internal:{fixture.Forbidden.Port} (loopback)");
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_31_a_second_connection_to_the_worker_link_ends_the_worker()
    {
        await Client.GetAsync($"/reach?file=/etc/passwd&pid=1&port={fixture.Forbidden.Port}&link");

        await fixture.Host.WaitForLineAsync("a connection too many");
        Assert.Equal("plain", await Client.GetStringAsync("/.netlify/functions/plain"));
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_29_a_fork_bomb_is_stopped_by_its_own_limit()
    {
        var seen = await (await Client.GetAsync("/fork-bomb")).Content.ReadFromJsonAsync<JsonElement>();

        Assert.Equal("EAGAIN", seen.GetProperty("refused").GetString());
        Assert.InRange(seen.GetProperty("started").GetInt32(), 1, 127);
        Assert.Equal("plain", await Client.GetStringAsync("/.netlify/functions/plain"));
    }

    [Fact(Timeout = 60_000)]
    public async Task A_host_that_is_killed_takes_its_workers_along_and_the_next_one_sweeps_the_rest()
    {
        using var site = new TemporarySite(("hello.mjs", "export default async () => new Response('hello')"));
        var killed = await HostProcess.StartAsync(site.Directory, "--freeze-after", "0.5");
        using (var client = new HttpClient { BaseAddress = killed.Address })
        {
            await client.GetStringAsync("/.netlify/functions/hello");
        }

        // One of its workers sleeps by now; that must not keep it alive.
        await Eventually.TrueAsync(() => Leftovers.IsAnyFrozen(killed.Instance), TimeSpan.FromSeconds(10), "the idle worker froze");
        Assert.NotEmpty(Leftovers.WorkerProcesses(killed.Instance));
        await killed.KillAsync();
        var took = await Eventually.TrueAsync(
            () => Leftovers.WorkerProcesses(killed.Instance).Count == 0, TimeSpan.FromSeconds(5), "the workers ended");
        Assert.InRange(took.TotalSeconds, 0, 1);

        await using var next = await HostProcess.StartAsync(site.Directory);
        if (next.Instance != killed.Instance)
        {
            Assert.Empty(Leftovers.Of(killed.Instance));
        }

        using var again = new HttpClient { BaseAddress = next.Address };
        Assert.Equal("hello", await again.GetStringAsync("/.netlify/functions/hello"));
        await killed.DisposeAsync();
    }

    private async Task<JsonElement> ReachAsync()
    {
        var file = Path.Combine(Repository.Root, "SandboxHost.sln");
        var query = $"/reach?file={Uri.EscapeDataString(file)}&pid={fixture.Host.Id}&port={fixture.Forbidden.Port}";
        return await (await Client.GetAsync(query)).Content.ReadFromJsonAsync<JsonElement>();
    }

    private static string? Error(JsonElement element, string name) =>
        element.GetProperty(name).TryGetProperty("error", out var error) ? error.GetString() : $"it worked: {element.GetProperty(name).GetRawText()}";
}
