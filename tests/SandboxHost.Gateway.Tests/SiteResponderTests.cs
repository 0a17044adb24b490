using System.Net;
using SandboxHost.Deployments;
using SandboxHost.Gateway.Redirects;
using SandboxHost.Routing;
using SandboxHost.Routing.Rules;

namespace SandboxHost.Gateway.Tests;

/// <summary>The order of what answers: functions, redirects, files, 404.</summary>
public sealed class SiteResponderTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public SiteResponderTests()
    {
        _folder.Write("file.txt", "file");
        _folder.Write("other.txt", "other");
    }

    public void Dispose() => _folder.Dispose();

    [TimedFact]
    public async Task A_function_that_prefers_files_yields_to_one_and_to_no_other_method()
    {
        await using var host = await StartAsync([Function("yields", preferStatic: true, "/*"), Function("z-behind", preferStatic: false, "/z")]);

        Assert.Equal("file", await TextAsync(host, "/file.txt"));
        Assert.Equal("yields", await TextAsync(host, "/nothing"));
        Assert.Equal("yields", await TextAsync(host, "/file.txt", HttpMethod.Post));
        Assert.Equal("yields", await TextAsync(host, "/z"));
    }

    [TimedFact]
    public async Task Behind_a_function_that_yields_the_next_one_is_asked()
    {
        await using var host = await StartAsync([Function("a", preferStatic: true, "/file.txt"), Function("b", preferStatic: false, "/file.txt")]);

        Assert.Equal("b", await TextAsync(host, "/file.txt"));
    }

    [TimedFact]
    public async Task A_function_goes_before_a_file_and_a_redirect()
    {
        await using var host = await StartAsync([Function("f", preferStatic: false, "/file.txt")], Rule("/file.txt", "/x", 301, force: true));

        Assert.Equal("f", await TextAsync(host, "/file.txt"));
    }

    [TimedFact]
    public async Task A_file_goes_before_a_redirect_that_is_not_forced()
    {
        await using var host = await StartAsync([], Rule("/file.txt", "/x", 301), Rule("/other.txt", "/y", 302, force: true));

        Assert.Equal("file", await TextAsync(host, "/file.txt"));
        Assert.Equal((302, "/y"), await LocationAsync(host, "/other.txt"));
        Assert.Equal((301, "/x"), await LocationAsync(host, "/file.txt", HttpMethod.Post));
    }

    [TimedFact]
    public async Task A_rewrite_runs_the_function_at_its_target_with_the_original_url()
    {
        await using var host = await StartAsync([Function("f", preferStatic: false, "/target/:x")], Rule("/from/:x", "/target/:x?own=1", 200));

        Assert.Equal("f", await TextAsync(host, "/from/1?q=2"));
        Assert.EndsWith("/from/1?q=2", host.Invoker.Single.Url);
    }

    [TimedFact]
    public async Task A_rewrite_to_a_function_that_prefers_files_leads_to_the_file()
    {
        await using var host = await StartAsync([Function("f", preferStatic: true, "/file.txt", "/nothing.txt")], Rule("/a", "/file.txt", 200), Rule("/b", "/nothing.txt", 200));

        Assert.Equal("file", await TextAsync(host, "/a"));
        Assert.Equal("f", await TextAsync(host, "/b"));
    }

    [TimedFact]
    public async Task A_rewrite_is_not_rewritten_again()
    {
        await using var host = await StartAsync([], Rule("/a", "/b", 200), Rule("/b", "/file.txt", 200));

        Assert.Equal(HttpStatusCode.NotFound, (await host.Client.GetAsync("/a")).StatusCode);
        Assert.Equal("file", await TextAsync(host, "/b"));
    }

    [TimedFact]
    public async Task A_rewrite_to_the_default_url_of_a_function_with_a_path_says_404_with_its_own_status()
    {
        await using var host = await StartAsync([Function("f", preferStatic: false, "/x")], Rule("/a", "/.netlify/functions/f", 200), Rule("/b", "/.netlify/functions/nobody", 200));

        var reply = await host.Client.GetAsync("/a");
        Assert.Equal((HttpStatusCode.OK, "404 Not Found"), (reply.StatusCode, await reply.Content.ReadAsStringAsync()));
        Assert.Equal((HttpStatusCode.NotFound, "Function not found..."), ((await host.Client.GetAsync("/b")).StatusCode, await TextAsync(host, "/b")));
    }

    [TimedTheory]
    [InlineData(200)]
    [InlineData(404)]
    [InlineData(401)]
    [InlineData(503)]
    public async Task A_rewrite_to_a_file_has_the_status_of_the_rule(int status)
    {
        await using var host = await StartAsync([], Rule("/a/*", "/file.txt", status));

        var reply = await host.Client.GetAsync("/a/b");

        Assert.Equal((status, "file"), ((int)reply.StatusCode, await reply.Content.ReadAsStringAsync()));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await host.Client.PostAsync("/a/b", null)).StatusCode);
    }

    [TimedFact]
    public async Task A_method_that_no_function_takes_falls_through()
    {
        var function = Function("f", preferStatic: false);
        FunctionVersion onlyPost = new()
        {
            Site = function.Site,
            Deploy = function.Deploy,
            Name = "f",
            Runtime = "node",
            ArtifactDirectory = "/nowhere",
            Entry = "f.mjs",
            Routes = [new FunctionRoute(Pattern("/file.txt"), ["POST"])],
            Environment = function.Environment,
            Limits = function.Limits,
        };
        await using var host = await StartAsync([onlyPost]);

        Assert.Equal("file", await TextAsync(host, "/file.txt"));
        Assert.Equal("f", await TextAsync(host, "/file.txt", HttpMethod.Post));
    }

    [TimedFact]
    public async Task Two_slashes_lead_nowhere()
    {
        await using var host = await StartAsync([], Rule("/*", "/:splat", 301), Rule("/*", "/file.txt", 200));
        using var client = await host.ConnectAsync();

        await client.SendAsync("GET //evil.test/x HTTP/1.1\nHost: localhost\nConnection: close\n\n");

        Assert.StartsWith("HTTP/1.1 404 ", await client.ReceiveToEndAsync());
    }

    [TimedFact]
    public async Task A_rewrite_to_the_sites_own_address_stays_here()
    {
        await using var host = await StartAsync([Function("f", preferStatic: false, "/target")]);
        await using var second = await StartAsync([Function("f", preferStatic: false, "/target")], Rule("/a", "http://site.test/target?x=1", 200));
        using var client = await second.ConnectAsync();

        await client.SendAsync("GET /a HTTP/1.1\nHost: site.test\nConnection: close\n\n");

        Assert.EndsWith("f", await client.ReceiveToEndAsync());
    }

    private async Task<GatewayHost> StartAsync(IReadOnlyList<FunctionVersion> functions, params RedirectRule[] rules)
    {
        var host = await GatewayHost.StartAsync(
            TimeProvider.System,
            GatewayHost.SiteOf(functions, new PublishedFiles(_folder.Path, []), new RedirectTable(rules)),
            new RewriteProxyOptions());
        host.Invoker.Answer = (request, _) => Task.FromResult(FakeExchange.Text(request.Function.Name));
        return host;
    }

    private static FunctionVersion Function(string name, bool preferStatic, params string[] paths)
    {
        var plain = GatewayHost.Function(name, FunctionKind.Http, paths);
        return new FunctionVersion
        {
            Site = plain.Site,
            Deploy = plain.Deploy,
            Name = name,
            Runtime = plain.Runtime,
            ArtifactDirectory = plain.ArtifactDirectory,
            Entry = plain.Entry,
            Routes = plain.Routes,
            PreferStatic = preferStatic,
            Environment = plain.Environment,
            Limits = plain.Limits,
        };
    }

    private static RoutePattern Pattern(string text) => RoutePattern.TryParse(text, out var pattern, out _) ? pattern : throw new InvalidOperationException(text);

    private static RedirectRule Rule(string from, string to, int status, bool force = false) => new()
    {
        From = RulePattern.Parse(from, RuleDialect.Redirects),
        To = RedirectTarget.TryParse(to, out var target) ? target : throw new InvalidOperationException(to),
        Status = status,
        Force = force,
    };

    private static async Task<string> TextAsync(GatewayHost host, string path, HttpMethod? method = null)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, path);
        return await (await host.Client.SendAsync(request)).Content.ReadAsStringAsync();
    }

    private static async Task<(int Status, string? Location)> LocationAsync(GatewayHost host, string path, HttpMethod? method = null)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, path);
        var reply = await host.Client.SendAsync(request);
        return ((int)reply.StatusCode, reply.Headers.Location?.ToString());
    }
}
