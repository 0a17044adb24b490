using Grpc.Core;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Supervisor.Transport;

namespace SandboxHost.Supervisor.Tests;

/// <summary>What an invocation costs, in things that can be counted and do not vary.</summary>
public sealed class CostTests
{
    private const int WarmUps = 2000;
    private const int Measured = 1000;

    /// <summary>Of them the most are the frame, its header list and the timer. A higher figure needs a reason.</summary>
    private const int MaxBytesPerInvocation = 1900;

    [TimedFact]
    public async Task An_invocation_allocates_no_more_than_it_did()
    {
        var link = new AnsweringLink(WarmUps + Measured);
        var session = new WorkerSession(new NoEvents(), link, TimeProvider.System);
        link.Session = session;
        await session.SpecialiseAsync(new Specialise(), CancellationToken.None);
        Invoke(session, WarmUps);

        var before = GC.GetAllocatedBytesForCurrentThread();
        Invoke(session, Measured);
        var each = (GC.GetAllocatedBytesForCurrentThread() - before) / Measured;

        Assert.InRange(each, 1, MaxBytesPerInvocation);
    }

    [TimedFact]
    public async Task An_invocation_is_one_message_there_and_one_back()
    {
        await using var host = await TestHost.StartAsync();
        var function = host.Add();
        host.Launcher.Prepare = worker => worker.OnInvoke = (self, invoke) => self.SendAsync(Frames.Answer(invoke.Id));
        await using (var first = await host.InvokeAsync(function))
        {
            Assert.Equal(200, first.Response?.Status);
        }

        var worker = host.Launcher.Workers.Single();
        var before = worker.MessagesReceived;
        for (var i = 0; i < 100; i++)
        {
            await using var exchange = await host.InvokeAsync(function);
            Assert.Equal(200, exchange.Response?.Status);
        }

        Assert.Equal(100, worker.MessagesReceived - before);
    }

    // Nothing in it waits, so all that it allocates is this thread's.
    private static void Invoke(WorkerSession session, int times)
    {
        for (var i = 0; i < times; i++)
        {
            var invocation = session.Start(Request);
            Assert.True(invocation.WaitForHeadAsync(CancellationToken.None).AsTask().IsCompletedSuccessfully);
            Assert.True(invocation.DisposeAsync().AsTask().IsCompletedSuccessfully);
        }
    }

    private static readonly InvocationRequest Request = new()
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
        Headers = ["host", "localhost", "user-agent", "test", "accept", "*/*"],
        ClientIp = "127.0.0.1",
    };

    /// <summary>Answers each invocation before the host's write returns, with frames that were made before.</summary>
    private sealed class AnsweringLink(int answers) : IServerStreamWriter<HostFrames>, IAsyncStreamReader<WorkerFrames>
    {
        private static readonly Task<bool> Yes = Task.FromResult(true);
        private static readonly Task<bool> No = Task.FromResult(false);

        private readonly WorkerFrames[] _answers =
            [.. Enumerable.Range(0, answers + 1).Select(id => new WorkerFrames { Frames = { id == 0 ? Frames.Specialised() : Frames.Answer((uint)id) } })];

        private bool _read;

        public WorkerSession Session { get; set; } = null!;

        public WriteOptions? WriteOptions { get; set; }

        public WorkerFrames Current { get; private set; } = null!;

        public Task WriteAsync(HostFrames message)
        {
            Current = _answers[message.Frames[0].Invoke?.Id ?? 0];
            _read = false;
            return Session.ReadAsync(this, CancellationToken.None);
        }

        public Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            _read = !_read;
            return _read ? Yes : No;
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
