using System.Diagnostics;
using SandboxHost.Chaos.Load;

namespace SandboxHost.Chaos.Hostile;

/// <summary>Every hostile case runs in the host that this makes, one after the other.</summary>
[CollectionDefinition(nameof(HostileCases))]
public sealed class HostileCases : ICollectionFixture<HostileHost>;

/// <summary>
/// One host with the hostile site of tests/functions/hostile and a neighbour. A case runs under the neighbour rule, and
/// must leave nothing behind; docs/threat-model.md has the table of cases.
/// </summary>
public sealed class HostileHost : IAsyncLifetime
{
    /// <summary>The time limit of a test; a case itself takes a few seconds.</summary>
    public const int CaseMilliseconds = 60_000;

    /// <summary>A site of many functions, `member-0` and so on, at this name.</summary>
    public const string CrowdSite = "crowd";

    public const int CrowdSize = 24;

    /// <summary>The site of <see cref="Edited"/>.</summary>
    public const string EditedSite = "edited";

    private const string NeighbourSite = "neighbour";
    private const string NeighbourPath = "/.netlify/functions/whoami";

    private static readonly TimeSpan QuietTime = TimeSpan.FromSeconds(4);

    /// <summary>A case goes on, again and again, for as long at full length: of fewer answers the 99th percentile is the slowest.</summary>
    private static readonly TimeSpan MeasuredTime = TimeSpan.FromSeconds(6);

    /// <summary>For idle workers to go (0.4 s, looked at every second), and what is killed to be removed.</summary>
    private static readonly TimeSpan SettleLimit = TimeSpan.FromSeconds(15);

    /// <summary>For the next call to the same function, of a cold start among it.</summary>
    private static readonly TimeSpan ColdStartBudget = TimeSpan.FromSeconds(2);

    /// <summary>What a host opens once and keeps, over all cases together.</summary>
    private const int DescriptorSlack = 4;

    /// <summary>Rounds of cold starts before the quiet time at full length.</summary>
    private const int WarmUps = 4;

    private readonly TemporarySite _crowd = new(
        [.. Enumerable.Range(0, CrowdSize).Select(i => ($"member-{i}.mjs", "export default async () => new Response('here');"))]);

    private HostState _settled = null!;
    private int _descriptors;
    private IReadOnlyList<TimeSpan> _quiet = [];

    public HostProcess Host { get; private set; } = null!;

    /// <summary>A site whose functions a case writes itself. An edit is a new version, which remembers nothing of the one before.</summary>
    public TemporarySite Edited { get; } = new(("first.mjs", "export default async () => new Response('here');"));

    public async ValueTask InitializeAsync()
    {
        Host = await HostProcess.StartAsync(
            Functions("hostile"), "--site", $"{NeighbourSite}={Functions(NeighbourSite)}", "--site", $"{CrowdSite}={_crowd.Directory}", "--site", $"{EditedSite}={Edited.Directory}", "--keep-alive", "0.4",
            // What stands ready after a burst of cold starts would count as left over.
            "--max-placeholders", "2",
            "--limit", "memory=256mb", "--limit", "buffered_time=1500ms", "--limit", "streaming_time=1500ms");
        using (var neighbour = NewNeighbour())
        {
            if (FaultLength.Current.IsFull)
            {
                await WarmAsync(neighbour);
            }

            await neighbour.AskAsync();
            await Eventually.TrueAsync(() => HostState.Of(Host).Sandboxes == 3, SettleLimit, "two placeholders and the neighbour's worker stand ready");
            _quiet = await neighbour.AskUntilAsync(Task.Delay(QuietTime));
            _settled = HostState.Of(Host);
        }

        await Eventually.TrueAsync(() => Host.Clients() == 0, SettleLimit, "the host has closed the neighbour's connections");
        _descriptors = HostState.DescriptorsOf(Host);
    }

    /// <summary>
    /// Runs a case while the neighbour is asked, then looks whether it noticed and whether anything is left. A case that only
    /// disturbed the neighbour is run once more: what came from outside of the test does not come twice.
    /// </summary>
    /// <param name="function">Of the hostile site; asked once more after the case, and must answer in time.</param>
    /// <param name="repeats">Whether the case can happen again at once; not when it does something to a worker that lives on, or ends too many.</param>
    internal async Task RunAsync(string function, Func<Attack, Task> harm, bool repeats = true)
    {
        if (await RunOnceAsync(function, harm, repeats) is not null)
        {
            Assert.Null(await RunOnceAsync(function, harm, repeats));
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await Host.DisposeAsync();
        }
        finally
        {
            _crowd.Dispose();
            Edited.Dispose();
        }
    }

    // A host that has just started compiles its own code beside its work; the first case would be measured with that.
    private async Task WarmAsync(Neighbour neighbour)
    {
        for (var round = 0; round < WarmUps; round++)
        {
            using var crowd = new Attack(Host, "one-slot");
            var flood = Task.WhenAll(Enumerable.Range(0, CrowdSize).Select(async member => (await crowd.AskSiteAsync(CrowdSite, $"member-{member}")).Dispose()));
            await neighbour.AskUntilAsync(flood);
            await flood;
            await Eventually.TrueAsync(() => HostState.Of(Host).Sandboxes <= 3, SettleLimit, "the crowd has gone");
        }
    }

    private async Task<string?> RunOnceAsync(string function, Func<Attack, Task> harm, bool repeats)
    {
        var over = new TaskCompletionSource();
        IReadOnlyList<TimeSpan> meanwhile;
        using (var neighbour = NewNeighbour())
        {
            // Its worker may have gone since the last case; a cold start is not what is measured.
            await neighbour.AskAsync();
            await Eventually.TrueAsync(() => HostState.Of(Host).Sandboxes >= _settled.Sandboxes, SettleLimit, "placeholders stand ready");
            var asking = neighbour.AskUntilAsync(over.Task);
            try
            {
                var start = Stopwatch.GetTimestamp();
                do
                {
                    using (var attack = new Attack(Host, function))
                    {
                        await harm(attack);
                        await attack.MustAnswerAsync(ColdStartBudget);
                    }

                    await SettleAsync();
                }
                while (repeats && FaultLength.Current.IsFull && Stopwatch.GetElapsedTime(start) < MeasuredTime);
            }
            finally
            {
                over.SetResult();
                meanwhile = await asking;
            }
        }

        await Eventually.TrueAsync(
            () => Host.Clients() == 0 && HostState.DescriptorsOf(Host) <= _descriptors + DescriptorSlack, SettleLimit, $"the host's descriptors are {_descriptors} again, or about");
        return Neighbour.WhatItNoticed(_quiet, meanwhile);
    }

    private async Task SettleAsync()
    {
        try
        {
            await Eventually.TrueAsync(() => HostState.Of(Host).IsNoMoreThan(_settled), SettleLimit, "nothing of the case is left");
        }
        catch (TimeoutException ex)
        {
            throw new InvalidOperationException($"Left behind: {HostState.Of(Host)}; before it was {_settled}", ex);
        }
    }

    private Neighbour NewNeighbour() => new(Host.Address, NeighbourSite, NeighbourPath);

    private static string Functions(string site) => Repository.PathOf($"tests/functions/{site}");
}
