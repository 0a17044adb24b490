using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace SandboxHost.Conformance;

/// <summary>What a site's files and a function's config say holds for the function that runs.</summary>
[Collection<Alone>]
public sealed class ConfigTests(ConfigTests.Site site) : IClassFixture<ConfigTests.Site>
{
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(1);

    [Fact(Timeout = 60_000)]
    public async Task FC_57_netlify_toml_and_env_files_give_the_environment_and_the_hosts_process_only_values()
    {
        var environment = await site.Client.GetFromJsonAsync<Dictionary<string, string>>("/.netlify/functions/environment");

        Assert.Equal("dev", environment!["CONTEXT"]);
        Assert.Equal("of the dev context", environment["FROM_TOML"]);
        Assert.Equal("of .env.local", environment["FROM_FILES"]);
        Assert.Equal("two\nlines", environment["MULTILINE"]);
        // The file names it, so the process's value counts; of the rest of the process nothing is seen.
        Assert.Equal("the-hosts-own-secret", environment["HOST_SECRET"]);
        Assert.DoesNotContain("SANDBOXHOST_HOME", environment.Keys);
        Assert.DoesNotContain("NODE_OPTIONS", environment.Keys);
        await site.Host.WaitForLineAsync(".env: 'NODE_OPTIONS' is left out");
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_58_included_files_are_where_the_source_finds_them()
    {
        var found = await site.Client.GetFromJsonAsync<JsonElement>("/files");

        // From the working directory, from the module's URL, from __dirname.
        Assert.Equal(["1", "1", "1"], found.GetProperty("read").EnumerateArray().Select(text => text.GetString()));
        Assert.Equal(["a.json", "deep"], found.GetProperty("listed").EnumerateArray().Select(text => text.GetString()));
        Assert.Equal("EROFS", found.GetProperty("written").GetString());
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_58_external_packages_read_their_own_files_and_find_what_they_depend_on()
    {
        Assert.Equal("data of outer; inner 2", await site.Client.GetStringAsync("/packages/external"));
        Assert.Equal("machine code", await site.Client.GetStringAsync("/packages/native"));
    }

    [Theory(Timeout = 60_000)]
    [InlineData("/cjs/exports", "exports")]
    [InlineData("/cjs/module", "module")]
    [InlineData("/object", "object")]
    [InlineData("/cast", "cast")]
    public async Task FC_56_a_config_counts_in_every_form_of_module(string path, string text) => Assert.Equal(text, await site.Client.GetStringAsync(path));

    [Fact(Timeout = 60_000)]
    public async Task FC_56_a_time_limit_of_the_config_holds()
    {
        var reply = await site.Client.GetAsync("/slow");

        Assert.Equal(HttpStatusCode.GatewayTimeout, reply.StatusCode);
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_59_sections_of_netlify_toml_hold_for_the_functions_that_they_match()
    {
        Assert.Equal(HttpStatusCode.Accepted, (await site.Client.GetAsync("/.netlify/functions/job_one")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await site.Client.GetAsync("/.netlify/functions/environment")).StatusCode);
        await site.Host.WaitForLineAsync("[job_one] ran");
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_59_an_authors_function_goes_before_a_generated_one()
    {
        Assert.Equal("the author's", await site.Client.GetStringAsync("/.netlify/functions/both"));
        Assert.Equal("generated", await site.Client.GetStringAsync("/.netlify/functions/generated"));
        await site.Host.WaitForLineAsync("Loaded function generated (Made by a framework, by fw@1)");
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_56_mistakes_name_file_property_value_and_rule_and_stop_nobody_else()
    {
        await site.Host.WaitForLineAsync("netlify/functions/wrong.mjs: Function wrong has a configuration error on 'region': 'mars' is not one of cmh, dub,");
        await site.Host.WaitForLineAsync("netlify/functions/wrong.mjs: Function wrong has a configuration error on 'vcpu': `memory` and `vcpu` cannot both be set.");
        await site.Host.WaitForLineAsync("environment: config.rateLimit is ignored: windowSize '500' is not a number of seconds from 1 to 180");
        await site.Host.WaitForLineAsync("environment: config.regoin is ignored: 'regoin' is not known here; did you mean 'region'?");
        await site.Host.WaitForLineAsync("netlify.toml:6: functions.job_*.shedule: 'shedule' is not known here; did you mean 'schedule'?");
        Assert.Equal(HttpStatusCode.BadGateway, (await site.Client.GetAsync("/.netlify/functions/wrong")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await site.Client.GetAsync("/files")).StatusCode);
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_59_context_and_directories_can_be_chosen_on_the_command_line()
    {
        using var folder = new TemporarySite();
        folder.WriteFile("netlify.toml", "[context.production.environment]\nWHO = \"production\"\n[build]\nfunctions = \"not-these\"\n");
        folder.WriteFile("elsewhere/who.mjs", "export default async (req, context) => new Response(`${process.env.WHO} ${process.env.CONTEXT} ${context.deploy.context}`);");
        await using var host = await HostProcess.StartAsync(folder.Directory, "--context", "production", "--functions", "elsewhere", "--dir", "public");
        using var client = new HttpClient { BaseAddress = host.Address };

        Assert.Equal("production production production", await client.GetStringAsync("/.netlify/functions/who"));
    }

    [Fact(Timeout = 60_000)]
    public async Task FC_60_edits_of_settings_show_within_a_second_and_a_broken_netlify_toml_changes_nothing()
    {
        using var folder = new TemporarySite(("who.mjs", "import { readFileSync } from 'node:fs'; export default async () => new Response(process.env.WHO + readFileSync('data/x', 'utf8'));"));
        folder.WriteFile("data/x", "1");
        folder.WriteFile("netlify.toml", Toml("toml"));
        await using var host = await HostProcess.StartAsync(folder.Directory);
        using var client = new HttpClient { BaseAddress = host.Address };
        async Task<string> AskAsync()
        {
            using var reply = await client.GetAsync("/.netlify/functions/who");
            var said = await reply.Content.ReadAsStringAsync();
            Assert.True(reply.IsSuccessStatusCode, said);
            return said;
        }

        Task SeesAsync(string text) => Eventually.TrueAsync(async () => await AskAsync() == text, Promised * 2, $"'{text}' showed");
        await SeesAsync("toml1");

        folder.WriteFile("netlify.toml", Toml("edited"));
        await SeesAsync("edited1");
        folder.WriteFile(".env", "WHO=env");
        await SeesAsync("env1");
        folder.WriteFile("data/x", "2");
        await SeesAsync("env2");
        folder.WriteFile("netlify.toml", "[build");
        await host.WaitForLineAsync("netlify.toml: what it said before holds until it can be read");
        Assert.Equal("env2", await AskAsync());
        File.Delete(Path.Combine(folder.Directory, ".env"));
        await SeesAsync("edited2");

        static string Toml(string who) => $"[functions]\nincluded_files = [\"data/*\"]\n[build.environment]\nWHO = \"{who}\"\n";
    }

    /// <summary>One site with a bit of everything.</summary>
    public sealed class Site : IAsyncLifetime
    {
        private const string Reply = "export default async () => new Response(";

        private readonly TemporarySite _folder = new();

        public HostProcess Host { get; private set; } = null!;

        public HttpClient Client { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            WriteSettings();
            WritePackages();
            _folder.Write("environment.mjs", "export default async () => Response.json({ ...process.env }); export const config = { regoin: 'fra', rateLimit: { windowSize: 500, windowLimit: 1 } };");
            _folder.Write("files.mts", """
                import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
                import { join } from 'node:path';
                const write = () => { try { writeFileSync('data/a.json', ''); return ''; } catch (error) { return (error as { code: string }).code; } };
                export default async () => Response.json({
                  read: ['data/a.json', new URL('../../data/a.json', import.meta.url), join(__dirname, '..', '..', 'data', 'a.json')].map((path) => readFileSync(path, 'utf8')),
                  listed: readdirSync('data'),
                  written: write(),
                });
                export const config = { path: '/files', includedFiles: ['../../data/**', '!../../data/secret.json'] } satisfies object;
                """);
            _folder.Write("external.mjs", "import outer from 'outer'; import inner from 'inner'; export default async () => new Response(`${outer()}; inner ${inner}`); export const config = { path: '/packages/external', externalNodeModules: ['outer'] };");
            _folder.Write("native.mjs", "import code from 'machine'; export default async () => new Response(code); export const config = { path: '/packages/native' };");
            _folder.Write("cjs1.cjs", "exports.default = async () => new Response('exports'); exports.config = { path: '/cjs/exports' };");
            _folder.Write("cjs2.js", "module.exports = { default: async () => new Response('module'), config: { path: '/cjs/module' } };");
            _folder.Write("object.mjs", "const handlers = { fetch: async () => new Response('object'), config: { path: '/object' } }; export default handlers;");
            _folder.Write("cast.ts", "interface C { path: string } export default (async () => new Response('cast')) as unknown; export const config = { path: '/cast' } as const satisfies C;");
            _folder.Write("slow.mjs", "export default async () => { await new Promise((r) => setTimeout(r, 20_000)); return new Response('late'); }; export const config = { path: '/slow', timeout: 1 };");
            _folder.Write("job_one.mjs", "export default async () => { console.log('ran'); };");
            _folder.Write("both.mjs", Reply + "\"the author's\");");
            _folder.Write("wrong.mjs", Reply + "'x'); export const config = { region: 'mars', memory: 1024, vcpu: 1 };");
            _folder.WriteFile(".netlify/v1/functions/both.mjs", Reply + "'not this');");
            _folder.WriteFile(".netlify/functions-internal/generated.mjs", Reply + "'generated');");
            _folder.WriteFile(".netlify/functions-internal/generated.json", """{ "version": 1, "config": { "name": "Made by a framework", "generator": "fw@1" } }""");
            Host = await HostProcess.StartAsync(_folder.Directory);
            Client = new HttpClient { BaseAddress = Host.Address };
        }

        public async ValueTask DisposeAsync()
        {
            Client.Dispose();
            await Host.DisposeAsync();
            _folder.Dispose();
        }

        private void WriteSettings()
        {
            _folder.WriteFile("netlify.toml", """
                [build.environment]
                FROM_TOML = "of all contexts"
                FROM_FILES = "of netlify.toml"
                [functions."job_*"]
                background = true
                shedule = "@daily"
                [context.dev.environment]
                FROM_TOML = "of the dev context"
                """);
            _folder.WriteFile(".env", "FROM_FILES=of .env\nHOST_SECRET=of the file\nNODE_OPTIONS=--inspect\nexport MULTILINE=\"two\nlines\" # and a comment\n");
            _folder.WriteFile(".env.local", "FROM_FILES='of .env.local'\n");
            _folder.WriteFile("data/a.json", "1");
            _folder.WriteFile("data/deep/b.json", "2");
            _folder.WriteFile("data/secret.json", "3");
        }

        private void WritePackages()
        {
            _folder.WriteFile("node_modules/outer/package.json", """{ "name": "outer", "dependencies": { "inner": "1" } }""");
            _folder.WriteFile("node_modules/outer/index.js", "const { readFileSync } = require('fs'); require('inner'); module.exports = () => readFileSync(__dirname + '/data.txt', 'utf8');");
            _folder.WriteFile("node_modules/outer/data.txt", "data of outer");
            _folder.WriteFile("node_modules/outer/node_modules/inner/package.json", """{ "name": "inner", "version": "1.0.0" }""");
            _folder.WriteFile("node_modules/outer/node_modules/inner/index.js", "module.exports = 1;");
            _folder.WriteFile("node_modules/inner/package.json", """{ "name": "inner", "version": "2.0.0" }""");
            _folder.WriteFile("node_modules/inner/index.js", "module.exports = 2;");

            // What packages with machine code do: they look for a file beside them, by a name that is made when they run.
            _folder.WriteFile("node_modules/machine/package.json", """{ "name": "machine", "gypfile": true }""");
            _folder.WriteFile("node_modules/machine/index.js", "module.exports = require('fs').readFileSync(require('path').join(__dirname, 'build', process.platform + '.node'), 'utf8');");
            _folder.WriteFile("node_modules/machine/build/linux.node", "machine code");
        }
    }
}
