using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Runtime.InteropServices;
using SandboxHost.Deployments;
using SandboxHost.Gateway.Redirects;
using SandboxHost.Routing.Rules;

namespace SandboxHost.Gateway.Tests;

/// <summary>Files of a site, and only those that anybody may read.</summary>
public sealed partial class StaticFileTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly string _public;

    public StaticFileTests()
    {
        _public = _folder.File("public");
        _folder.Write("public/index.html", "home");
        _folder.Write("outside.txt", "secret");
    }

    public void Dispose() => _folder.Dispose();

    [TimedTheory]
    [InlineData("a", "/a")]
    [InlineData("a.html", "/a")]
    [InlineData("a.htm", "/a")]
    [InlineData("a/index.html", "/a")]
    [InlineData("a/index.htm", "/a")]
    [InlineData("a.html", "/a/")]
    [InlineData("a/index.html", "/a/")]
    [InlineData("a.b/index.html", "/a.b")]
    [InlineData("a b.txt", "/a%20b.txt")]
    [InlineData("é.txt", "/%C3%A9.txt")]
    [InlineData("%.txt", "/%25.txt")]
    [InlineData("x.txt", "/a/../x.txt")]
    [InlineData(".well-known/x", "/.well-known/x")]
    public async Task A_path_finds_its_file(string file, string path)
    {
        _folder.Write("public/" + file, "found");

        Assert.Equal("found", await (await GetAsync(path)).Content.ReadAsStringAsync());
    }

    [TimedTheory]
    [InlineData("x.txt", "/X.txt")]
    [InlineData("X.txt", "/x.txt")]
    [InlineData("a.png.html", "/a.png")]
    [InlineData("a/b.txt", "/a//b.txt")]
    [InlineData("a/b.txt", "/a%2Fb.txt")]
    [InlineData("a/b.txt", "/a%5Cb.txt")]
    [InlineData("a/b.txt", "//a/b.txt")]
    [InlineData("a.txt", "/%ff")]
    [InlineData("a.txt", "/%c0%ae%c0%ae/outside.txt")]
    [InlineData("a.txt", "/%2")]
    [InlineData("a.txt", "/../outside.txt")]
    [InlineData("a.txt", "/%2e%2e/outside.txt")]
    [InlineData("a.txt", "/..%2foutside.txt")]
    [InlineData("a.txt", "/..%5coutside.txt")]
    [InlineData("a.txt", "/%252e%252e/outside.txt")]
    [InlineData(".env", "/.env")]
    [InlineData(".env", "/%2eenv")]
    [InlineData(".git/config", "/.git/config")]
    [InlineData("a/.b/c", "/a/.b/c")]
    [InlineData(".well-known/.b", "/.well-known/.b")]
    [InlineData("node_modules/x.js", "/node_modules/x.js")]
    [InlineData("a/NODE_MODULES/x.js", "/a/NODE_MODULES/x.js")]
    [InlineData("_redirects", "/_redirects")]
    [InlineData("_redirects", "/%5fredirects")]
    [InlineData("netlify/functions/a.mjs", "/netlify/functions/a.mjs")]
    [InlineData("Netlify/Functions/a.mjs", "/Netlify/Functions/a.mjs")]
    [InlineData("a.txt", "/")]
    public async Task What_is_no_file_of_the_site_is_not_found(string file, string path)
    {
        File.Delete(Path.Combine(_public, "index.html"));
        _folder.Write("public/" + file, "found");
        await using var host = await StartAsync();
        using var client = await host.ConnectAsync();

        await client.SendAsync($"GET {path} HTTP/1.1\nHost: localhost\nConnection: close\n\n");

        Assert.StartsWith("HTTP/1.1 404 ", await client.ReceiveToEndAsync());
    }

    [TimedTheory]
    [InlineData("/a.txt%00")]
    [InlineData("/a.txt%00.html")]
    public async Task An_encoded_nul_is_no_path(string path)
    {
        _folder.Write("public/a.txt", "found");
        await using var host = await StartAsync();
        using var client = await host.ConnectAsync();

        await client.SendAsync($"GET {path} HTTP/1.1\nHost: localhost\nConnection: close\n\n");

        // Kestrel refuses it before we see it; the file's opener would, too.
        Assert.StartsWith("HTTP/1.1 400 ", await client.ReceiveToEndAsync());
    }

    [TimedFact]
    public async Task A_name_as_long_as_names_get_is_only_not_found() =>
        Assert.Equal(HttpStatusCode.NotFound, (await GetAsync("/" + new string('a', 5000))).StatusCode);

    [TimedFact]
    public async Task A_link_is_followed_inside_the_directory_only()
    {
        _folder.Write("public/real/a.txt", "inside");
        _folder.Write("public/.hidden", "secret");
        File.CreateSymbolicLink(_folder.File("public/in.txt"), "real/a.txt");
        File.CreateSymbolicLink(_folder.File("public/out.txt"), _folder.File("outside.txt"));
        File.CreateSymbolicLink(_folder.File("public/up.txt"), "../outside.txt");
        File.CreateSymbolicLink(_folder.File("public/hidden.txt"), ".hidden");
        File.CreateSymbolicLink(_folder.File("public/zero.txt"), "/dev/zero");
        File.CreateSymbolicLink(_folder.File("public/loop.txt"), "loop.txt");
        Directory.CreateSymbolicLink(_folder.File("public/parent"), _folder.Path);
        Directory.CreateDirectory(_folder.File("public-beside"));
        _folder.Write("public-beside/a.txt", "secret");
        Directory.CreateSymbolicLink(_folder.File("public/beside"), "../public-beside");

        Assert.Equal("inside", await (await GetAsync("/in.txt")).Content.ReadAsStringAsync());
        foreach (var path in new[] { "/out.txt", "/up.txt", "/hidden.txt", "/zero.txt", "/loop.txt", "/parent/outside.txt", "/beside/a.txt" })
        {
            Assert.Equal((path, HttpStatusCode.NotFound), (path, (await GetAsync(path)).StatusCode));
        }
    }

    [TimedFact]
    public async Task A_link_that_changes_all_the_time_never_leads_outside()
    {
        _folder.Write("public/real/a.txt", "inside");
        _folder.Write("secrets/a.txt", "secret");
        Directory.CreateSymbolicLink(_folder.File("public/now"), "real");
        await using var host = await StartAsync();
        using var done = new CancellationTokenSource();
        var swapping = Task.Run(() => Swap(done.Token));

        var bodies = new HashSet<string>();
        for (var i = 0; i < 1000; i++)
        {
            var reply = await host.Client.GetAsync("/now/a.txt");
            bodies.Add(reply.IsSuccessStatusCode ? await reply.Content.ReadAsStringAsync() : "none");
        }

        await done.CancelAsync();
        await swapping;
        Assert.DoesNotContain("secret", bodies);
        Assert.Contains("inside", bodies);

        void Swap(CancellationToken cancellationToken)
        {
            for (var i = 0; !cancellationToken.IsCancellationRequested; i++)
            {
                // A rename puts the new link in the place of the old one in one step.
                Directory.CreateSymbolicLink(_folder.File("public/next"), i % 2 == 0 ? "../secrets" : "real");
                Assert.Equal(0, Rename(_folder.File("public/next"), _folder.File("public/now")));
            }
        }
    }

    [TimedFact]
    public async Task The_directory_itself_may_be_a_link()
    {
        Directory.CreateSymbolicLink(_folder.File("current"), "public");

        Assert.Equal("home", await (await GetAsync("/", new PublishedFiles(_folder.File("current"), []))).Content.ReadAsStringAsync());
    }

    [TimedFact]
    public async Task A_pipe_holds_nobody_up()
    {
        using var mkfifo = Process.Start("mkfifo", [_folder.File("public/pipe")]);
        await mkfifo.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(Path.Exists(_folder.File("public/pipe")));

        Assert.Equal(HttpStatusCode.NotFound, (await GetAsync("/pipe")).StatusCode);
    }

    [TimedFact]
    public async Task A_file_without_permission_or_a_directory_is_not_found()
    {
        Directory.CreateDirectory(_folder.File("public/empty"));

        Assert.Equal(HttpStatusCode.NotFound, (await GetAsync("/empty")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await GetAsync("/", new PublishedFiles(_folder.File("nowhere"), []))).StatusCode);
    }

    [TimedTheory]
    [InlineData("a.html", "text/html; charset=utf-8")]
    [InlineData("a.css", "text/css; charset=utf-8")]
    [InlineData("a.js", "text/javascript; charset=utf-8")]
    [InlineData("a.mjs", "text/javascript; charset=utf-8")]
    [InlineData("a.json", "application/json; charset=utf-8")]
    [InlineData("a.txt", "text/plain; charset=utf-8")]
    [InlineData("a.svg", "image/svg+xml")]
    [InlineData("a.png", "image/png")]
    [InlineData("a.webp", "image/webp")]
    [InlineData("a.woff2", "font/woff2")]
    [InlineData("a.wasm", "application/wasm")]
    [InlineData("a", "application/octet-stream")]
    [InlineData("a.unheardof", "application/octet-stream")]
    public async Task The_type_follows_from_the_name(string file, string type)
    {
        _folder.Write("public/" + file, "x");

        var reply = await GetAsync("/" + file);

        Assert.Equal(type, reply.Content.Headers.ContentType!.ToString());
        Assert.Equal(("public, must-revalidate, max-age=0", TimeSpan.Zero), (reply.Headers.CacheControl!.ToString(), reply.Headers.Age));
    }

    [TimedFact]
    public async Task Who_has_the_file_already_gets_304()
    {
        var first = await GetAsync("/");
        var tag = first.Headers.ETag!;

        Assert.Equal(HttpStatusCode.NotModified, (await GetAsync("/", ask: ask => ask.Headers.IfNoneMatch.Add(tag))).StatusCode);
        Assert.Equal(HttpStatusCode.NotModified, (await GetAsync("/", ask: ask => ask.Headers.IfModifiedSince = first.Content.Headers.LastModified)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync("/", ask: ask => ask.Headers.IfNoneMatch.Add(new EntityTagHeaderValue("\"other\"")))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync("/", ask: ask => ask.Headers.IfModifiedSince = first.Content.Headers.LastModified!.Value.AddSeconds(-1))).StatusCode);

        _folder.Write("public/index.html", "changed");
        Assert.NotEqual(tag, (await GetAsync("/")).Headers.ETag);
    }

    [TimedTheory]
    [InlineData("bytes=1-2", 206, "om", "bytes 1-2/4")]
    [InlineData("bytes=2-", 206, "me", "bytes 2-3/4")]
    [InlineData("bytes=-1", 206, "e", "bytes 3-3/4")]
    [InlineData("bytes=0-99", 206, "home", "bytes 0-3/4")]
    [InlineData("bytes=4-", 416, "", "bytes */4")]
    [InlineData("bytes=0-0,2-2", 200, "home", null)]
    [InlineData("lines=0-1", 200, "home", null)]
    [InlineData("bytes=x", 200, "home", null)]
    public async Task A_range_is_sent_alone(string range, int status, string body, string? contentRange)
    {
        var reply = await GetAsync("/", ask: ask => ask.Headers.TryAddWithoutValidation("range", range));

        Assert.Equal((status, body, contentRange), ((int)reply.StatusCode, await reply.Content.ReadAsStringAsync(), reply.Content.Headers.ContentRange?.ToString()));
    }

    [TimedFact]
    public async Task Head_has_the_head_only()
    {
        var reply = await GetAsync("/", ask: ask => ask.Method = HttpMethod.Head);

        Assert.Equal((HttpStatusCode.OK, 4, ""), (reply.StatusCode, reply.Content.Headers.ContentLength, await reply.Content.ReadAsStringAsync()));
    }

    [TimedTheory]
    [InlineData("POST")]
    [InlineData("DELETE")]
    [InlineData("OPTIONS")]
    public async Task Other_methods_are_refused_where_a_file_is(string method)
    {
        var reply = await GetAsync("/", ask: ask => ask.Method = new HttpMethod(method));

        Assert.Equal((HttpStatusCode.MethodNotAllowed, "Method Not Allowed"), (reply.StatusCode, await reply.Content.ReadAsStringAsync()));
        Assert.Equal(["GET", "HEAD"], reply.Content.Headers.Allow);
        Assert.Equal(HttpStatusCode.NotFound, (await GetAsync("/nothing", ask: ask => ask.Method = new HttpMethod(method))).StatusCode);
    }

    [TimedFact]
    public async Task The_sites_own_404_page_is_sent_with_404()
    {
        _folder.Write("public/404.html", "not here");

        var reply = await GetAsync("/nothing", ask: ask => ask.Headers.TryAddWithoutValidation("range", "bytes=0-1"));

        Assert.Equal((HttpStatusCode.NotFound, "not here", "text/html"), (reply.StatusCode, await reply.Content.ReadAsStringAsync(), reply.Content.Headers.ContentType!.MediaType));
        Assert.Null(reply.Headers.ETag);
    }

    [TimedFact]
    public async Task Header_rules_apply_to_files_and_go_before_what_else_is_set()
    {
        _folder.Write("public/a.txt", "x");
        HeaderTable rules = new(
        [
            new HeaderRule(RulePattern.Parse("/*", RuleDialect.Headers), [new("X-One", "1"), new("X-Two", "2")]),
            new HeaderRule(RulePattern.Parse("/A.txt", RuleDialect.Headers), [new("x-one", "later"), new("Cache-Control", "no-store"), new("Content-Type", "text/own"), new("ETag", "\"own\"")]),
        ]);

        var reply = await GetAsync("/a.txt", headers: rules);

        Assert.Equal("later", reply.Headers.GetValues("x-one").Single());
        Assert.Equal("2", reply.Headers.GetValues("x-two").Single());
        Assert.Equal(("no-store", "text/own", "\"own\""), (reply.Headers.CacheControl!.ToString(), reply.Content.Headers.ContentType!.ToString(), reply.Headers.ETag!.Tag));
        Assert.Equal("2", (await GetAsync("/a.txt", headers: rules, ask: ask => ask.Headers.IfModifiedSince = DateTimeOffset.MaxValue.AddDays(-1))).Headers.GetValues("x-two").Single());
    }

    [LibraryImport("libc", EntryPoint = "rename", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Rename(string from, string to);

    private async Task<GatewayHost> StartAsync(PublishedFiles? files = null, HeaderTable? headers = null) => await GatewayHost.StartAsync(
        TimeProvider.System,
        GatewayHost.SiteOf([], files ?? new PublishedFiles(_public, ["_redirects", "netlify/functions"]), headers: headers),
        new RewriteProxyOptions());

    private async Task<HttpResponseMessage> GetAsync(
        string path, PublishedFiles? files = null, HeaderTable? headers = null, Action<HttpRequestMessage>? ask = null)
    {
        await using var host = await StartAsync(files, headers);
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        ask?.Invoke(request);
        return await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
    }
}
