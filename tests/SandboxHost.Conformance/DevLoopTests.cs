using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>Edit, save, see: within a second, and without harm to what runs.</summary>
[Collection<Alone>]
public sealed class DevLoopTests
{
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(1);

    [Fact(Timeout = 60_000)]
    public async Task FC_33_edits_additions_and_removals_show_within_a_second()
    {
        using var site = new TemporarySite(("a.mjs", Returning("one")));
        await using var host = await HostProcess.StartAsync(site.Directory);
        using var client = new HttpClient { BaseAddress = host.Address };
        Assert.Equal("one", await client.GetStringAsync("/.netlify/functions/a"));

        site.Write("a.mjs", Returning("two"));
        await Eventually.TrueAsync(async () => await client.GetStringAsync("/.netlify/functions/a") == "two", Promised, "the edit showed");
        site.Write("b.mts", "export default async (): Promise<Response> => new Response('typed');");
        await Eventually.TrueAsync(async () => (await client.GetAsync("/.netlify/functions/b")).IsSuccessStatusCode, Promised, "the addition showed");
        site.Remove("a.mjs");
        await Eventually.TrueAsync(
            async () => (await client.GetAsync("/.netlify/functions/a")).StatusCode == HttpStatusCode.NotFound, Promised, "the removal showed");
        await host.WaitForLineAsync("Removed function a");
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_33_an_edit_of_an_imported_file_shows_too()
    {
        using var site = new TemporarySite(("a.mjs", "import { text } from '../../lib/text.mjs'; export default async () => new Response(text);"));
        site.WriteFile("lib/text.mjs", "export const text = 'one';");
        await using var host = await HostProcess.StartAsync(site.Directory);
        using var client = new HttpClient { BaseAddress = host.Address };
        Assert.Equal("one", await client.GetStringAsync("/.netlify/functions/a"));

        site.WriteFile("lib/text.mjs", "export const text = 'two';");

        await Eventually.TrueAsync(async () => await client.GetStringAsync("/.netlify/functions/a") == "two", Promised, "the edit showed");
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_33_requests_in_flight_survive_edits()
    {
        using var site = new TemporarySite(("a.mjs", Slow(0)));
        await using var host = await HostProcess.StartAsync(site.Directory);
        using var client = new HttpClient { BaseAddress = host.Address };
        await client.GetStringAsync("/.netlify/functions/a");

        var calls = new List<Task<string>>();
        for (var edit = 1; edit <= 10; edit++)
        {
            for (var i = 0; i < 5; i++)
            {
                calls.Add(AskAsync(client));
            }

            site.Write("a.mjs", Slow(edit));
            await Task.WhenAny(calls[^1], Task.Delay(Promised));
        }

        Assert.All(await Task.WhenAll(calls), text => Assert.StartsWith("version ", text));
        await Eventually.TrueAsync(async () => await client.GetStringAsync("/.netlify/functions/a") == "version 10", Promised * 3, "the last edit showed");
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_34_a_broken_file_says_where_and_its_neighbours_go_on()
    {
        using var site = new TemporarySite(("a.mjs", Returning("one")), ("b.mjs", Returning("beside")));
        await using var host = await HostProcess.StartAsync(site.Directory);
        using var client = new HttpClient { BaseAddress = host.Address };

        site.Write("a.mjs", "export default async () =>\n  new Response('one'\n");
        await host.WaitForLineAsync("Failed to load function a");
        await Eventually.TrueAsync(async () => !(await client.GetAsync("/.netlify/functions/a")).IsSuccessStatusCode, Promised, "the mistake showed");
        var reply = await client.GetAsync("/.netlify/functions/a");
        var error = await reply.Content.ReadFromJsonAsync<JsonElement>();

        Assert.Equal("load_error", error.GetProperty("code").GetString());
        Assert.Contains("netlify/functions/a.mjs:3", error.GetProperty("errorMessage").GetString());
        Assert.Equal("beside", await client.GetStringAsync("/.netlify/functions/b"));
        site.Write("a.mjs", Returning("mended"));
        await Eventually.TrueAsync(async () => (await client.GetAsync("/.netlify/functions/a")).IsSuccessStatusCode, Promised, "the repair showed");
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_34_a_module_that_throws_while_it_loads_says_where()
    {
        using var site = new TemporarySite(("a.mts", "type Unused = string;\n\nthrow new Error('no luck');\nexport default async () => new Response('x');"));
        await using var host = await HostProcess.StartAsync(site.Directory);
        using var client = new HttpClient { BaseAddress = host.Address };
        var reply = await client.GetAsync("/.netlify/functions/a");
        var error = await reply.Content.ReadFromJsonAsync<JsonElement>();

        Assert.Equal(HttpStatusCode.BadGateway, reply.StatusCode);
        Assert.Equal("no luck", error.GetProperty("errorMessage").GetString());
        Assert.Contains("netlify/functions/a.mts:3", string.Join('\n', error.GetProperty("trace").EnumerateArray().Select(line => line.GetString())));
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_34_a_mistake_in_a_config_names_file_property_value_and_rule()
    {
        using var site = new TemporarySite(
            ("a.mjs", Returning("x") + "export const config = { path: 'no-slash' };"), ("b.mjs", Returning("beside")));
        await using var host = await HostProcess.StartAsync(site.Directory);
        using var client = new HttpClient { BaseAddress = host.Address };

        await host.WaitForLineAsync("netlify/functions/a.mjs: Function a has a configuration error on 'path': 'path' property must start with a '/'");
        Assert.Equal("beside", await client.GetStringAsync("/.netlify/functions/b"));
    }

    // An error page's text as well.
    private static async Task<string> AskAsync(HttpClient client)
    {
        using var reply = await client.GetAsync("/.netlify/functions/a");
        return await reply.Content.ReadAsStringAsync();
    }

    private static string Returning(string text) => $"export default async () => new Response('{text}');\n";

    private static string Slow(int version) =>
        $"export default async () => {{ await new Promise((r) => setTimeout(r, 200)); return new Response('version {version}'); }};";
}
