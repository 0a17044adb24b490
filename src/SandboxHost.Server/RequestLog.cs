using System.IO.Pipelines;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Output;

namespace SandboxHost.Server;

/// <summary>
/// Tells the developer of each function request, in the words of Netlify's dev server: one line when it comes, one when
/// it has been answered. A terminal is slow, so only the first of each second are told of; the rest is counted.
/// </summary>
public sealed class RequestLog : IInvoker, IAsyncDisposable
{
    /// <summary>Requests of a second that get lines of their own.</summary>
    public const int RequestsPerSecond = 50;

    private static readonly TimeSpan Window = TimeSpan.FromSeconds(1);

    private readonly IInvoker _inner;
    private readonly ILogSink _output;
    private readonly TimeProvider _clock;
    private readonly ITimer _timer;
    private int _inWindow;

    public RequestLog(IInvoker inner, ILogSink output, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(clock);
        _inner = inner;
        _output = output;
        _clock = clock;
        _timer = clock.CreateTimer(_ => EndWindow(), null, Window, Window);
    }

    public ValueTask<IExchange> InvokeAsync(InvocationRequest request, CancellationToken clientGone) =>
        Interlocked.Increment(ref _inWindow) > RequestsPerSecond
            ? _inner.InvokeAsync(request, clientGone)
            : InvokeAndTellAsync(request, clientGone);

    public int RequestsWaiting => _inner.RequestsWaiting;

    public void Prepare(FunctionVersion function) => _inner.Prepare(function);

    public ValueTask DisposeAsync() => _timer.DisposeAsync();

    private async ValueTask<IExchange> InvokeAndTellAsync(InvocationRequest request, CancellationToken clientGone)
    {
        var started = _clock.GetTimestamp();
        Say(request, $"Request from {request.ClientIp}: {request.Method} {PathOf(request.Url)}");
        return new ToldExchange(this, request, started, await _inner.InvokeAsync(request, clientGone));
    }

    private void EndWindow()
    {
        var untold = Interlocked.Exchange(ref _inWindow, 0) - RequestsPerSecond;
        if (untold > 0)
        {
            _output.Write(new OutputLine(null, null, OutputLevel.Info, $"… and {untold} more requests in this second"));
        }
    }

    private void TellEnd(InvocationRequest request, IExchange exchange, long started)
    {
        var milliseconds = (long)_clock.GetElapsedTime(started).TotalMilliseconds;
        var end = exchange.Response is { } response
            ? $"Response with status {response.Status} in {milliseconds} ms."
            : exchange.Error!.Code == ErrorCode.ClientGone
                ? $"The client left after {milliseconds} ms."
                : $"Response with status {ErrorTable.Of(exchange.Error.Code).Status} in {milliseconds} ms.";
        Say(request, end);
    }

    private void Say(InvocationRequest request, string text) =>
        _output.Write(new OutputLine(null, request.RequestId, OutputLevel.Info, text));

    private static string PathOf(string url)
    {
        var authority = url.IndexOf("://", StringComparison.Ordinal);
        var path = authority < 0 ? 0 : url.IndexOf('/', authority + 3);
        return path < 0 ? "/" : url[path..];
    }

    /// <summary>The answer is given when the caller is done with it, which for a stream is at its end.</summary>
    private sealed class ToldExchange(RequestLog log, InvocationRequest request, long started, IExchange inner) : IExchange
    {
        private bool _told;

        public FunctionError? Error => inner.Error;

        public InvocationResponse? Response => inner.Response;

        public Task<FunctionError?> WaitForEndAsync() => inner.WaitForEndAsync();

        public ValueTask<FunctionError?> CopyBodyToAsync(PipeWriter destination) => inner.CopyBodyToAsync(destination);

        public ValueTask DisposeAsync()
        {
            if (!Interlocked.Exchange(ref _told, true))
            {
                log.TellEnd(request, inner, started);
            }

            return inner.DisposeAsync();
        }
    }
}
