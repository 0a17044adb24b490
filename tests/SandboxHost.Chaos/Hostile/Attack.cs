using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using SandboxHost.Workers;

namespace SandboxHost.Chaos.Hostile;

/// <summary>What a case has at hand: the host, and one function of the hostile site.</summary>
internal sealed class Attack : IDisposable
{
    private readonly string _function;
    private readonly int _linesBefore;

    public Attack(HostProcess host, string function)
    {
        Host = host;
        _function = function;
        _linesBefore = host.Output.Count;
        Client = new HttpClient(new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false }) { BaseAddress = host.Address, Timeout = TimeSpan.FromSeconds(30) };
    }

    public HostProcess Host { get; }

    public HttpClient Client { get; }

    /// <summary>What the host printed since the case began.</summary>
    public IEnumerable<string> Output => Host.Output.Skip(_linesBefore);

    /// <summary>The function's path, with a query.</summary>
    public string Path(string query = "") => $"/.netlify/functions/{_function}{(query.Length == 0 ? "" : "?" + query)}";

    public Task<HttpResponseMessage> AskAsync(string query = "") => Client.GetAsync(new Uri(Path(query), UriKind.Relative));

    /// <summary>Asks a function of another site of the same host.</summary>
    public async Task<HttpResponseMessage> AskSiteAsync(string site, string function, HttpMethod? method = null)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, $"/.netlify/functions/{function}");
        request.Headers.Host = $"{site}.localhost:{Host.Port}";
        return await Client.SendAsync(request);
    }

    public async Task<JsonElement> AskForJsonAsync(string query = "")
    {
        using var reply = await AskAsync(query);
        Assert.Equal(HttpStatusCode.OK, reply.StatusCode);
        return await reply.Content.ReadFromJsonAsync<JsonElement>();
    }

    public async Task<string> AskForTextAsync(string query = "")
    {
        using var reply = await AskAsync(query);
        var text = await reply.Content.ReadAsStringAsync();
        Assert.True(reply.StatusCode == HttpStatusCode.OK, $"{(int)reply.StatusCode} {text}");
        return text;
    }

    /// <summary>The call must end with this error. Returns its message.</summary>
    public Task<string> MustFailAsync(string query, HttpStatusCode status, string code) => MustFailAsync(AskAsync(query), status, code);

    public static async Task<string> MustFailAsync(Task<HttpResponseMessage> asking, HttpStatusCode status, string code)
    {
        using var reply = await asking;
        var text = await reply.Content.ReadAsStringAsync();
        Assert.True(status == reply.StatusCode && text.Contains($"\"code\":\"{code}\"", StringComparison.Ordinal), $"{(int)reply.StatusCode} {text}");
        return JsonSerializer.Deserialize<JsonElement>(text).GetProperty("errorMessage").GetString()!;
    }

    /// <summary>Waits until the host has printed a line since the case began.</summary>
    public async Task<string> WaitForLineAsync(string part)
    {
        string? line = null;
        await Eventually.TrueAsync(
            () => (line = Output.FirstOrDefault(line => line.Contains(part, StringComparison.Ordinal))) is not null, TimeSpan.FromSeconds(10), $"the host says '{part}'");
        return line!;
    }

    /// <summary>The function's next call finds all in order.</summary>
    public async Task MustAnswerAsync(TimeSpan limit)
    {
        var watch = Stopwatch.StartNew();
        Assert.Equal("calm", await AskForTextAsync("calm"));
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, limit);
    }

    /// <summary>
    /// A function that answers between its deaths is in no crash loop (CrashCircuit.AnswersThatForgive), however often a case kills it.
    /// Some more, for a worker that dies after its answer may do so among the next ones.
    /// </summary>
    public async Task AnswerEnoughAsync()
    {
        for (var i = 0; i < CrashCircuit.AnswersThatForgive * 2; i++)
        {
            await AskForTextAsync("calm");
        }
    }

    public void Dispose() => Client.Dispose();
}
