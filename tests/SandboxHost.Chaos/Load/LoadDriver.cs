using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace SandboxHost.Chaos.Load;

/// <summary>
/// Clients of a site: 200 requests a second that leave on a timetable, whether or not those before were answered. Of a
/// hundred, 94 read, 4 write and 2 read a stream.
/// </summary>
internal sealed class LoadDriver : IAsyncDisposable
{
    public const int RequestsPerSecond = 200;

    /// <summary>A request without an end for this long hangs. More than twice the functions' time limit.</summary>
    public static readonly TimeSpan HangLimit = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1) / RequestsPerSecond;

    private readonly WireTally _wire = new();
    private readonly HttpClient _client;
    private readonly bool _readsOnly;
    private readonly string _run = Guid.NewGuid().ToString("N")[..8];
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly CancellationTokenSource _over = new();
    private readonly List<Task<LoadRequest>> _requests = [];
    private readonly Task _sending;

    private LoadDriver(Uri address, string? hostName, bool readsOnly)
    {
        _client = new HttpClient(_wire.NewHandler()) { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan, DefaultRequestHeaders = { Host = hostName } };
        _readsOnly = readsOnly;
        _sending = SendAsync();
    }

    /// <summary>Since the first request was due.</summary>
    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_started);

    /// <param name="hostName">By which the host knows the site; null for a host of the folder.</param>
    public static LoadDriver Start(Uri address, string? hostName = null, bool readsOnly = false) => new(address, hostName, readsOnly);

    /// <summary>From now on only connections that are there are used: who has to open one is a new client.</summary>
    public void KeepToConnections() => _wire.ConnectsNoMore = true;

    /// <summary>Sends nothing more and waits for what was sent.</summary>
    public async Task<LoadResult> StopAsync()
    {
        await _over.CancelAsync();
        await _sending;
        var requests = await Task.WhenAll(_requests);
        _client.Dispose();
        return new LoadResult(requests, _wire.AnswersById());
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _sending;
        await Task.WhenAll(_requests);
        _client.Dispose();
        _over.Dispose();
    }

    private async Task SendAsync()
    {
        // A thread of its own would send no more evenly: what is due by now goes out together, and is timed from when it was due.
        await Task.Yield();
        for (var number = 0; !_over.IsCancellationRequested; number++)
        {
            var due = number * Interval;
            var wait = due - Elapsed;
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait, _over.Token).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
                if (_over.IsCancellationRequested)
                {
                    return;
                }
            }

            _requests.Add(AskAsync(number, due));
        }
    }

    private async Task<LoadRequest> AskAsync(int number, TimeSpan due)
    {
        var id = string.Create(CultureInfo.InvariantCulture, $"{_run}-{number:D6}");
        var kind = _readsOnly ? LoadKind.Read : (number % 50) switch { 49 => LoadKind.Stream, 15 or 35 => LoadKind.Write, _ => LoadKind.Read };
        using var request = kind switch
        {
            LoadKind.Write => new HttpRequestMessage(HttpMethod.Post, "/write") { Content = new StringContent(id) },
            LoadKind.Stream => new HttpRequestMessage(HttpMethod.Get, $"/stream?id={id}"),
            _ => new HttpRequestMessage(HttpMethod.Get, $"/read?id={id}"),
        };
        using var patience = new CancellationTokenSource(HangLimit);
        try
        {
            using var reply = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
            var body = await reply.Content.ReadAsStringAsync(patience.Token);
            var answered = reply.Headers.TryGetValues(LoadAnswer.IdHeader, out var ids) ? ids.First() : null;
            var (end, reason, version) = LoadAnswer.Judge(id, (int)reply.StatusCode, answered, body);
            return new LoadRequest(id, kind, due, Elapsed, end, reason, version);
        }
        catch (OperationCanceledException)
        {
            return new LoadRequest(id, kind, due, Elapsed, LoadEnd.Hung, "no end", 0);
        }
        catch (Exception ex) when (ex is HttpRequestException or IOException)
        {
            return new LoadRequest(id, kind, due, Elapsed, LoadEnd.Reset, ReasonOf(ex), 0);
        }
    }

    private static string ReasonOf(Exception exception)
    {
        for (var inner = exception; inner is not null; inner = inner.InnerException)
        {
            switch (inner)
            {
                case SocketException socket: return socket.SocketErrorCode.ToString();
                case HttpIOException io: return io.HttpRequestError.ToString();
                default: break;
            }
        }

        return exception.GetType().Name;
    }
}
