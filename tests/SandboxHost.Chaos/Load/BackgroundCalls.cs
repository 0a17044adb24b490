using System.Collections.Concurrent;
using System.Globalization;

namespace SandboxHost.Chaos.Load;

/// <summary>Calls of a background function beside the load, some each second: what was accepted has to run, and once.</summary>
internal sealed class BackgroundCalls : IAsyncDisposable
{
    /// <summary>The function that they call. It writes down each run in the ledger.</summary>
    public const string Source = """
        export default async (req) => {
          await fetch(process.env.LEDGER + await req.text(), { method: "POST" });
        };
        export const config = { background: true, path: "/work" };
        """;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly HttpClient _client;
    private readonly string _run = Guid.NewGuid().ToString("N")[..8];
    private readonly CancellationTokenSource _over = new();
    private readonly ConcurrentQueue<string> _accepted = new();
    private readonly ConcurrentDictionary<string, int> _refusals = new(StringComparer.Ordinal);
    private readonly Task _calling;

    public BackgroundCalls(HttpClient client)
    {
        _client = client;
        _calling = CallAsync();
    }

    public int Accepted => _accepted.Count;

    /// <summary>By status and name.</summary>
    public IReadOnlyDictionary<string, int> Refusals => _refusals;

    /// <summary>Whether a call is accepted now.</summary>
    public async Task<bool> IsAcceptedAsync() => await CallAsync(string.Create(CultureInfo.InvariantCulture, $"{_run}-w-{Guid.NewGuid():N}"));

    /// <summary>Calls no more, and waits until all that was accepted has run.</summary>
    public async Task MustRunAsync(RunLedger ledger, TimeSpan limit, FaultReport report)
    {
        await _over.CancelAsync();
        await _calling;
        try
        {
            await Eventually.TrueAsync(() => _accepted.All(id => ledger.RunsOf(id) > 0), limit, "all have run");
        }
        catch (TimeoutException)
        {
            report.Check(false, $"{_accepted.Count(id => ledger.RunsOf(id) == 0)} of {_accepted.Count} background calls were accepted and had not run after {limit.TotalSeconds:0} s");
        }

        report.Note($"Background calls beside the load: {_accepted.Count} accepted, all run once{(_refusals.IsEmpty ? "" : $"; refused: {string.Join(", ", _refusals.OrderBy(each => each.Key).Select(each => $"{each.Value} × {each.Key}"))}")}.");
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _calling;
        _over.Dispose();
    }

    private async Task CallAsync()
    {
        using var timer = new PeriodicTimer(Interval);
        for (var number = 0; !_over.IsCancellationRequested && await timer.WaitForNextTickAsync(); number++)
        {
            await CallAsync(string.Create(CultureInfo.InvariantCulture, $"{_run}-b{number:D5}"));
        }
    }

    private async Task<bool> CallAsync(string id)
    {
        using var reply = await _client.PostAsync("/work", new StringContent(id));
        if ((int)reply.StatusCode == 202)
        {
            _accepted.Enqueue(id);
            return true;
        }

        var (_, reason, _) = LoadAnswer.Judge(id, (int)reply.StatusCode, null, await reply.Content.ReadAsStringAsync());
        _refusals.AddOrUpdate($"{(int)reply.StatusCode} `{reason}`", 1, (_, count) => count + 1);
        return false;
    }
}
