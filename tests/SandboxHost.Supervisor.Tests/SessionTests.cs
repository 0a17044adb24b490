using System.IO.Pipelines;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Supervisor.Transport;

namespace SandboxHost.Supervisor.Tests;

public sealed class SessionTests
{
    [TimedFact]
    public async Task A_stream_has_the_limit_of_streams_even_when_its_head_comes_before_the_start_is_over()
    {
        var clock = new FakeTimeProvider();
        var link = new InstantLink();
        var session = new WorkerSession(new NoEvents(), link, clock);
        link.Session = session;
        await session.SpecialiseAsync(new Specialise(), CancellationToken.None);

        var invocation = session.Start(Request());
        var copy = invocation.CopyBodyToAsync(PipeWriter.Create(Stream.Null));
        clock.Advance(FunctionLimits.Default.StreamingTime);

        Assert.True(copy.IsCompleted);
        Assert.Equal(ErrorCode.Timeout, (await copy)?.Code);
    }

    private static InvocationRequest Request() => new()
    {
        Function = new FunctionVersion
        {
            Site = new SiteIdentity("1", "site", "http://localhost", "2"),
            Deploy = new DeployIdentity("0", "dev", Published: false),
            Name = "hello",
            Runtime = "node",
            ArtifactDirectory = "/nowhere",
            Entry = "hello.mjs",
            Environment = new Dictionary<string, string>(),
            Limits = FunctionLimits.Default,
        },
        RequestId = "1",
        Method = "GET",
        Url = "http://localhost/",
        Headers = [],
        ClientIp = "127.0.0.1",
    };

    /// <summary>A worker so fast that its answer is read before the host's write returns.</summary>
    private sealed class InstantLink : IServerStreamWriter<HostFrames>, IAsyncStreamReader<WorkerFrames>
    {
        private bool _read;

        public WorkerSession Session { get; set; } = null!;

        public WriteOptions? WriteOptions { get; set; }

        public WorkerFrames Current { get; private set; } = new();

        public Task WriteAsync(HostFrames message)
        {
            var kind = message.Frames[0].KindCase;
            if (kind is not (HostFrame.KindOneofCase.Specialise or HostFrame.KindOneofCase.Invoke))
            {
                return Task.CompletedTask;
            }

            Current = new WorkerFrames { Frames = { kind == HostFrame.KindOneofCase.Invoke ? Frames.Streamed(1) : Frames.Specialised() } };
            _read = false;
            return Session.ReadAsync(this, CancellationToken.None);
        }

        public Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            _read = !_read;
            return Task.FromResult(_read);
        }
    }

    private sealed class NoEvents : IWorkerEvents
    {
        public void OnOver(Invocation invocation, bool started)
        {
        }

        public void OnOverdue(Invocation invocation)
        {
        }

        public void OnLeaving(string reason)
        {
        }

        public void OnOutput(string? requestId, OutputLevel level, string text)
        {
        }
    }
}
