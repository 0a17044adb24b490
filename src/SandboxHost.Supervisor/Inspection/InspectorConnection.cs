namespace SandboxHost.Supervisor.Inspection;

/// <summary>A byte pipe to the inspector of one worker, which speaks HTTP and then WebSocket on it.</summary>
/// <param name="Stream">Disposing it hangs up.</param>
/// <param name="Path">Where the inspector's WebSocket is, beginning with a slash. Untrusted: the worker said so.</param>
/// <param name="Detached">Cancelled when the worker is about to go.</param>
public sealed record InspectorConnection(Stream Stream, string Path, CancellationToken Detached) : IAsyncDisposable
{
    public ValueTask DisposeAsync() => Stream.DisposeAsync();
}
