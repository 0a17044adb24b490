using System.Diagnostics;
using System.Net;
using SandboxHost.Chaos.Load;

namespace SandboxHost.Chaos;

/// <summary>
/// The neighbour rule: while a case runs, another tenant's function is asked 50 times a second, and must answer every time
/// and no slower than twice its quiet 99th percentile (20 ms are always allowed). That is judged at full length, on a
/// machine that does nothing else (SANDBOXHOST_CHAOS=full); otherwise only a stall is.
/// </summary>
/// <remarks>
/// Requests leave on a timetable, not after the answer before: a neighbour that stalls shows as late answers, and not as
/// fewer questions.
/// </remarks>
internal sealed class Neighbour : IDisposable
{
    public const int RequestsPerSecond = 50;

    private static readonly TimeSpan Floor = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Stall = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1) / RequestsPerSecond;

    private readonly HttpClient _client;
    private readonly string _path;

    /// <param name="host">Where it listens.</param>
    /// <param name="site">The name of the neighbour's site.</param>
    public Neighbour(Uri host, string site, string path)
    {
        _client = new HttpClient(new SocketsHttpHandler { UseProxy = false, UseCookies = false }) { BaseAddress = host, Timeout = TimeSpan.FromSeconds(10) };
        _client.DefaultRequestHeaders.Host = $"{site}.localhost:{host.Port}";
        _path = path;
    }

    /// <summary>Asks for a while and tells how long answers took, in order of asking.</summary>
    /// <exception cref="InvalidOperationException">One was not answered with 200.</exception>
    public async Task<IReadOnlyList<TimeSpan>> AskUntilAsync(Task over)
    {
        using var timer = new PeriodicTimer(Interval);
        var answers = new List<Task<TimeSpan>>();
        while (!over.IsCompleted && await timer.WaitForNextTickAsync())
        {
            answers.Add(AskAsync());
        }

        return await Task.WhenAll(answers);
    }

    /// <summary>Asks once.</summary>
    /// <exception cref="InvalidOperationException">It was not answered with 200.</exception>
    public async Task<TimeSpan> AskAsync()
    {
        var start = Stopwatch.GetTimestamp();
        using var reply = await _client.GetAsync(new Uri(_path, UriKind.Relative));
        await reply.Content.ReadAsByteArrayAsync();
        var took = Stopwatch.GetElapsedTime(start);
        return reply.StatusCode == HttpStatusCode.OK
            ? took
            : throw new InvalidOperationException($"The neighbour was answered with {(int)reply.StatusCode}.");
    }

    public void Dispose() => _client.Dispose();

    /// <summary>Why the neighbour noticed; null when it did not.</summary>
    public static string? WhatItNoticed(IReadOnlyList<TimeSpan> quiet, IReadOnlyList<TimeSpan> meanwhile)
    {
        if (!FaultLength.Current.IsFull)
        {
            var slowest = meanwhile.Max();
            return slowest <= Stall ? null : $"The neighbour waited {slowest.TotalSeconds:F1} s for an answer.";
        }

        var allowed = TimeSpan.FromTicks(Math.Max(Floor.Ticks, 2 * Percentile(quiet, 0.99).Ticks));
        var seen = Percentile(meanwhile, 0.99);
        return seen <= allowed
            ? null
            : $"The neighbour's p99 was {seen.TotalMilliseconds:F1} ms of {meanwhile.Count} answers; {allowed.TotalMilliseconds:F1} ms were allowed.";
    }

    private static TimeSpan Percentile(IReadOnlyList<TimeSpan> times, double share) =>
        times.Order().ElementAt(Math.Min(times.Count - 1, (int)Math.Ceiling(share * times.Count) - 1));
}
