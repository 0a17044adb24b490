using Grpc.Core;
using SandboxHost.Protocol.Worker.V1;

namespace SandboxHost.Supervisor.Transport;

/// <summary>
/// The host's half of a session: frames in, messages out. What has queued up while a message was on its way goes out as
/// the next one, so the cost of a frame falls as load rises. Whoever queues the first frame also starts the writing, so
/// an idle session costs no thread a wake-up.
/// </summary>
/// <remarks>
/// The queue needs no limit of its own: a session has at most as many invocations as its worker has slots, and each sends
/// at most three frames (invoke, cancel, ping).
/// </remarks>
internal sealed class FrameWriter(IAsyncStreamWriter<HostFrames> stream)
{
    /// <summary>Largest session message; the worker refuses more.</summary>
    public const int MaxMessageBytes = 256 * 1024;

    private readonly Lock _gate = new();
    private readonly HostFrames _message = new();
    private List<HostFrame> _queued = [];
    private List<HostFrame> _sending = [];
    private bool _closed;
    private bool _writing;

    /// <summary>The write loop that runs now, or the last one that did. Never faults.</summary>
    public Task Written { get; private set; } = Task.CompletedTask;

    /// <summary>Queues a frame and sees to it that it goes out. After <see cref="Close"/> it is dropped.</summary>
    public void Send(HostFrame frame)
    {
        if (Queue(frame))
        {
            WriteQueued();
        }
    }

    /// <summary>Queues a frame; for callers that hold a lock which orders frames.</summary>
    /// <returns>True when nobody writes yet: the caller has to call <see cref="WriteQueued"/>, outside its lock.</returns>
    public bool Queue(HostFrame frame)
    {
        lock (_gate)
        {
            if (_closed)
            {
                return false;
            }

            _queued.Add(frame);
            var mustWrite = !_writing;
            _writing = true;
            return mustWrite;
        }
    }

    public void WriteQueued() => Written = WriteQueuedAsync();

    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            _queued.Clear();
        }
    }

    private async Task WriteQueuedAsync()
    {
        try
        {
            while (true)
            {
                lock (_gate)
                {
                    if (_queued.Count == 0)
                    {
                        _writing = false;
                        return;
                    }

                    (_queued, _sending) = (_sending, _queued);
                }

                await WriteBatchAsync();
            }
        }
        catch (Exception ex) when (ex is IOException or InvalidOperationException or OperationCanceledException or RpcException)
        {
            // The connection is gone; the read loop notices and says why.
            Close();
        }
    }

    private async Task WriteBatchAsync()
    {
        var bytes = 0;
        foreach (var frame in _sending)
        {
            // 8 covers the tag and the length of the frame inside the message.
            var size = frame.CalculateSize() + 8;
            if (bytes > 0 && bytes + size > MaxMessageBytes)
            {
                await stream.WriteAsync(_message);
                _message.Frames.Clear();
                bytes = 0;
            }

            _message.Frames.Add(frame);
            bytes += size;
        }

        _sending.Clear();
        await stream.WriteAsync(_message);
        _message.Frames.Clear();
    }
}
