using SandboxHost.Egress;
using SandboxHost.Invocations;
using SandboxHost.Protocol.Worker.V1;

namespace SandboxHost.Supervisor.Tests;

public sealed class HelloTests
{
    [TimedTheory]
    [InlineData("wrong token")]
    [InlineData("wrong version")]
    [InlineData("something else first")]
    [InlineData("frames with the hello")]
    [InlineData("no frame at all")]
    public async Task A_session_without_a_valid_hello_ends_the_worker_and_its_start(string what)
    {
        await using var host = await TestHost.StartAsync();
        host.Launcher.Script = async worker =>
        {
            await worker.DialAsync();
            await worker.SendAsync(what switch
            {
                "wrong token" => [Frames.Hello("0123456789ABCDEF0123456789ABCDEF")],
                "wrong version" => [Frames.Hello(worker.Token, version: 2)],
                "something else first" => [Frames.Warmed()],
                "frames with the hello" => [Frames.Hello(worker.Token), Frames.Log("too early")],
                _ => [],
            });
        };

        await using var exchange = await host.InvokeAsync(host.Add());

        Assert.Equal(ErrorCode.StartFailed, exchange.Error?.Code);
        Assert.NotNull(exchange.Error?.RetryAfter);
        Assert.True((await host.Launcher.NextAsync()).Sandbox.Kills > 0);
        Assert.Contains(host.Log, entry => entry.Event == "PeerRefused");
    }

    [TimedFact]
    public async Task A_token_is_good_for_one_session()
    {
        await using var host = await TestHost.StartAsync();
        var (worker, _, exchange) = await host.BeginAsync(host.Add());

        using var second = worker.Client.Session();
        await second.RequestStream.WriteAsync(new WorkerFrames { Frames = { Frames.Hello(worker.Token) } });

        Assert.Equal(ErrorCode.ProtocolViolation, (await exchange).Error?.Code);
        Assert.True(worker.Sandbox.Kills > 0);
    }

    [TimedFact]
    public async Task A_body_call_without_a_session_ends_the_worker()
    {
        await using var host = await TestHost.StartAsync();
        host.Launcher.Script = async worker =>
        {
            await worker.DialAsync();
            using var call = worker.Client.RequestBody(new BodyRef { Id = 1 });
            await call.ResponseHeadersAsync.ContinueWith(_ => { }, TaskScheduler.Default);
        };

        await using var exchange = await host.InvokeAsync(host.Add());

        Assert.Equal(ErrorCode.StartFailed, exchange.Error?.Code);
    }

    [TimedFact]
    public async Task A_decent_worker_is_bound_to_its_function_and_serves()
    {
        await using var host = await TestHost.StartAsync();
        var function = host.Add(limits: limits => limits with { MemoryBytes = 512L << 20, Vcpu = 0.5 });
        var exchange = host.InvokeAsync(function);
        var worker = await host.Launcher.NextAsync();

        var specialise = (await worker.NextAsync(HostFrame.KindOneofCase.Specialise)).Specialise;
        var invoke = await worker.NextInvokeAsync();
        await worker.SendAsync(Frames.Answer(invoke.Id, "hello"));

        await using var answer = await exchange;
        Assert.Equal((200, "hello"), (answer.Response?.Status, System.Text.Encoding.UTF8.GetString(answer.Response!.Body.Span)));
        Assert.Equal(("hello", "hello.mjs", "dev"), (specialise.FunctionName, specialise.Entry, specialise.Region));
        Assert.Equal(["GREETING", "hi", "AWS_REGION", "dev"], specialise.Environment);
        Assert.Equal(512u, specialise.MemoryMb);
        Assert.Equal((1u, "GET", -1), (invoke.Id, invoke.Method, invoke.Route));
        Assert.Null(worker.Sandbox.Spec.Limits.Cpus);
        Assert.Equal((512L << 20, 0.5), (worker.Sandbox.LimitsSet!.MemoryBytes, worker.Sandbox.LimitsSet.Cpus));
        Assert.Equal(Environment.ProcessId, worker.Sandbox.EgressOpenedFor);
        Assert.Equal(("site", EgressPolicy.Internet), worker.Sandbox.EgressSet);
        Assert.True(File.Exists(Path.Combine(worker.Sandbox.FunctionDirectory, "hello.mjs")));
        Assert.Equal(TimeSpan.Zero, worker.Sandbox.Spec.Patience);
    }

    [TimedFact]
    public async Task A_placeholder_is_warmed_before_it_is_bound()
    {
        await using var host = await TestHost.StartAsync(change: options => options with { Placeholders = 1 });
        await host.PlaceholdersReady;
        host.Launcher.Script = _ => Task.CompletedTask;
        var worker = await host.Launcher.NextAsync();
        await worker.NextAsync(HostFrame.KindOneofCase.Warm);

        var exchange = host.InvokeAsync(host.Add());
        await worker.NextAsync(HostFrame.KindOneofCase.Specialise);
        await worker.SendAsync(Frames.Answer((await worker.NextInvokeAsync()).Id));

        Assert.Equal(200, (await exchange).Response?.Status);
    }

    [TimedFact]
    public async Task A_module_that_does_not_load_is_a_load_error_with_what_it_threw()
    {
        await using var host = await TestHost.StartAsync();
        host.Launcher.Prepare = worker => worker.LoadError = new Error { Type = "SyntaxError", Message = "oh", Trace = { "at hello.mjs:1" } };

        await using var exchange = await host.InvokeAsync(host.Add());

        Assert.Equal(ErrorCode.LoadError, exchange.Error?.Code);
        Assert.Equal(("SyntaxError", "oh"), (exchange.Error?.Thrown?.Type, exchange.Error?.Thrown?.Message));
        Assert.Equal(["at hello.mjs:1"], exchange.Error?.Thrown?.Trace!);
        Assert.True((await host.Launcher.NextAsync()).Sandbox.Disposed.IsCompleted);
    }

    [TimedFact]
    public async Task A_worker_that_exits_before_its_hello_is_a_failed_start()
    {
        await using var host = await TestHost.StartAsync();
        host.Launcher.Script = async worker =>
        {
            await worker.Sandbox.Watched;
            worker.Sandbox.Exit(new Sandboxes.SandboxExit(Sandboxes.SandboxExitReason.Exited, Code: 7));
        };

        await using var exchange = await host.InvokeAsync(host.Add());

        Assert.Equal(ErrorCode.StartFailed, exchange.Error?.Code);
    }

    [TimedFact]
    public async Task A_launcher_that_fails_is_a_failed_start()
    {
        await using var host = await TestHost.StartAsync();
        host.Launcher.Failure = new Sandboxes.SandboxException("no cgroup");

        await using var exchange = await host.InvokeAsync(host.Add());

        Assert.Equal(ErrorCode.StartFailed, exchange.Error?.Code);
        Assert.Contains(host.Log, entry => entry.Text.Contains("no cgroup", StringComparison.Ordinal));
    }
}
