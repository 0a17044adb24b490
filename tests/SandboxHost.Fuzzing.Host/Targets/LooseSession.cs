using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Supervisor.Transport;

namespace SandboxHost.Fuzzing.Targets;

/// <summary>A session of the host's with no worker at its other end: what it sends is lost, what it reads is the input.</summary>
internal sealed class LooseSession : IWorkerEvents, IServerStreamWriter<HostFrames>
{
    private static readonly FunctionVersion Function = new()
    {
        Site = new SiteIdentity("1", "site", "http://localhost", "2"),
        Deploy = new DeployIdentity("0", "dev", Published: false),
        Name = "hello",
        Runtime = "node",
        ArtifactDirectory = "/nowhere",
        Entry = "hello.mjs",
        Environment = new Dictionary<string, string>(),
        Limits = FunctionLimits.Default with { StreamingBytes = 100_000 },
    };

    private int _free;

    public LooseSession() => Session = new WorkerSession(this, this, new FakeTimeProvider());

    public WorkerSession Session { get; }

    public List<Invocation> Invocations { get; } = [];

    public WriteOptions? WriteOptions { get; set; }

    /// <summary>Binds it to a function and starts invocations.</summary>
    public void Serve(int invocations, string method)
    {
        var specialised = Session.SpecialiseAsync(new Specialise(), CancellationToken.None);
        Session.ReadAsync(
            new Messages<WorkerFrames>(WorkerFrames.Parser, Messages<WorkerFrames>.Write([new WorkerFrames { Frames = { new WorkerFrame { Specialised = new Specialised() } } }])),
            CancellationToken.None).GetAwaiter().GetResult();
        FuzzTarget.Holds(specialised.GetAwaiter().GetResult().LoadError is null, "a session that was told so serves");
        for (var i = 0; i < invocations; i++)
        {
            Invocations.Add(Session.Start(new InvocationRequest
            {
                Function = Function,
                RequestId = "1",
                Method = method,
                Url = "http://localhost/",
                Headers = [],
                ClientIp = "127.0.0.1",
            }));
        }
    }

    /// <summary>The worker is gone. Nothing may be left: no invocation without an end, no slot taken, no time limit running.</summary>
    public void End()
    {
        Session.Close(ProtocolViolation.Error);
        foreach (var invocation in Invocations)
        {
            FuzzTarget.Holds(invocation.WaitForHeadAsync(CancellationToken.None).AsTask().IsCompletedSuccessfully, "an invocation has a head or an error");
            FuzzTarget.Holds(invocation.Response is null != invocation.Error is null, "an invocation has a head or an error, and not both");
            FuzzTarget.Holds(invocation.WaitForEndAsync().IsCompletedSuccessfully, "an invocation has ended");
            invocation.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }

        FuzzTarget.Holds(Session.InFlight == 0 && _free == Invocations.Count, "every slot is free, and was freed once");
    }

    public Task WriteAsync(HostFrames message) => Task.CompletedTask;

    void IWorkerEvents.OnOver(Invocation invocation, bool started) => _free++;

    void IWorkerEvents.OnOverdue(Invocation invocation)
    {
    }

    void IWorkerEvents.OnLeaving(string reason)
    {
    }

    void IWorkerEvents.OnOutput(string? requestId, OutputLevel level, string text)
    {
    }
}
