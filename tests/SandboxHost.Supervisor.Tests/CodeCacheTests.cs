using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using SandboxHost.Deployments;
using SandboxHost.Invocations;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Supervisor.Workers;

namespace SandboxHost.Supervisor.Tests;

/// <summary>What one worker compiled is for the next ones of its function version, and only if it is what it announced.</summary>
public sealed class CodeCacheTests
{
    private static readonly byte[] Compiled = [.. Enumerable.Range(0, 70_000).Select(i => (byte)i)];

    private static readonly Dictionary<string, CodeCacheFile[]> IllegalAnnouncements = new()
    {
        ["a path for a name"] = [FileOf("../a", Compiled)],
        ["no name"] = [FileOf("", Compiled)],
        ["a name with a line break"] = [FileOf("a\n", Compiled)],
        ["one name twice"] = [FileOf("a", Compiled), FileOf("a", Compiled)],
        ["no hash"] = [new CodeCacheFile { Name = "a", Bytes = 1 }],
        ["more than 8 MiB"] = [new CodeCacheFile { Name = "a", Bytes = (8 << 20) + 1, Sha256 = HashOf(Compiled) }],
        ["more than 256 files"] = [.. Enumerable.Range(0, 257).Select(i => FileOf(i.ToString("x8", null), []))],
    };

    private static readonly Dictionary<string, Func<ScriptedWorker, Task>> IllegalCalls = new()
    {
        ["other bytes"] = worker => SendAsync(worker, [.. Compiled.Reverse()]),
        ["more bytes"] = worker => SendAsync(worker, [.. Compiled, 0]),
        ["fewer bytes"] = worker => SendAsync(worker, Compiled[..^1]),
        ["the same bytes twice"] = async worker =>
        {
            await SendAsync(worker, Compiled);
            await SendAsync(worker, Compiled);
        },
    };

    public static TheoryData<string> Announcements => [.. IllegalAnnouncements.Keys];

    public static TheoryData<string> Calls => [.. IllegalCalls.Keys];

    [TimedFact]
    public async Task What_one_worker_compiled_lies_before_the_next_until_it_has_loaded()
    {
        await using var host = await StartAsync();
        var function = AddSolitary(host);
        var first = await BeginAsync(host, function, CodeCacheUse.Wanted, FileOf("a1", Compiled[..100]), FileOf("b2", Compiled[100..]));
        Assert.Equal((long?)Compiled.Length, await SendAsync(first, Compiled));

        host.Launcher.Prepare = worker => worker.AnswersSpecialise = false;
        var running = host.InvokeAsync(function);
        var second = await host.Launcher.NextAsync();
        var specialise = (await second.NextAsync(HostFrame.KindOneofCase.Specialise)).Specialise;
        var placed = Path.Combine(second.Sandbox.FunctionDirectory, CodeCache.DirectoryName);

        Assert.Equal(CodeCacheUse.Placed, specialise.CodeCache);
        Assert.Equal(Compiled[..100], await File.ReadAllBytesAsync(Path.Combine(placed, "a1")));
        Assert.Equal(Compiled[100..], await File.ReadAllBytesAsync(Path.Combine(placed, "b2")));
        await second.SendAsync(Frames.Specialised());
        await second.SendAsync(Frames.Answer((await second.NextInvokeAsync()).Id));
        Assert.Equal(200, (await running).Response?.Status);
        Assert.False(Directory.Exists(placed));
    }

    [TimedFact]
    public async Task Another_version_gets_nothing_of_it()
    {
        await using var host = await StartAsync();
        var first = await BeginAsync(host, AddSolitary(host), CodeCacheUse.Wanted, FileOf("a", Compiled));
        await SendAsync(first, Compiled);

        await BeginAsync(host, AddSolitary(host, "other"), CodeCacheUse.Wanted);
    }

    [TimedFact]
    public async Task A_small_module_is_compiled_faster_than_read()
    {
        await using var host = await TestHost.StartAsync();

        await BeginAsync(host, AddSolitary(host), CodeCacheUse.Unspecified);
    }

    [TimedFact]
    public async Task What_has_no_room_is_not_kept()
    {
        await using var host = await StartAsync(room: Compiled.Length - 1);
        var function = AddSolitary(host);
        var first = await BeginAsync(host, function, CodeCacheUse.Wanted, FileOf("a", Compiled));

        Assert.Equal((long?)0, await SendAsync(first, Compiled));

        await BeginAsync(host, function, CodeCacheUse.Wanted);
    }

    [TimedFact]
    public async Task After_a_start_that_failed_the_next_does_without()
    {
        await using var host = await StartAsync();
        var function = AddSolitary(host);
        var first = await BeginAsync(host, function, CodeCacheUse.Wanted, FileOf("a", Compiled));
        await SendAsync(first, Compiled);
        var failures = 0;
        host.Launcher.Prepare = worker => worker.LoadError = failures++ == 0 ? new Error { Type = "Error", Message = "no" } : null;
        var failing = host.InvokeAsync(function);
        var second = await host.Launcher.NextAsync();
        Assert.Equal(CodeCacheUse.Placed, (await second.NextAsync(HostFrame.KindOneofCase.Specialise)).Specialise.CodeCache);
        await second.Sandbox.Disposed.WaitAsync(TestHost.Limit);

        var third = await host.Launcher.NextAsync();

        Assert.Equal(CodeCacheUse.Wanted, (await third.NextAsync(HostFrame.KindOneofCase.Specialise)).Specialise.CodeCache);
        await third.SendAsync(Frames.Answer((await third.NextInvokeAsync()).Id));
        Assert.Equal(200, (await failing).Response?.Status);
    }

    [TimedTheory]
    [MemberData(nameof(Announcements))]
    public async Task An_illegal_announcement_ends_the_worker(string what)
    {
        await using var host = await StartAsync();
        host.Launcher.Prepare = worker => worker.AnswersSpecialise = false;
        var exchange = host.InvokeAsync(AddSolitary(host));
        var worker = await host.Launcher.NextAsync();
        await worker.NextAsync(HostFrame.KindOneofCase.Specialise);

        await worker.SendAsync(Frames.Specialised(null, IllegalAnnouncements[what]));

        Assert.Equal(ErrorCode.ProtocolViolation, (await exchange).Error?.Code);
        Assert.True(worker.Sandbox.Kills > 0);
    }

    [TimedFact]
    public async Task An_announcement_that_was_not_asked_for_ends_the_worker()
    {
        await using var host = await TestHost.StartAsync();
        host.Launcher.Prepare = worker => worker.AnswersSpecialise = false;
        var exchange = host.InvokeAsync(AddSolitary(host));
        var worker = await host.Launcher.NextAsync();
        await worker.NextAsync(HostFrame.KindOneofCase.Specialise);

        await worker.SendAsync(Frames.Specialised(null, FileOf("a", Compiled)));

        Assert.Equal(ErrorCode.ProtocolViolation, (await exchange).Error?.Code);
    }

    [TimedTheory]
    [MemberData(nameof(Calls))]
    public async Task Bytes_that_were_not_announced_end_the_worker_and_are_not_kept(string what)
    {
        await using var host = await StartAsync();
        var function = AddSolitary(host);
        var first = await BeginAsync(host, function, CodeCacheUse.Wanted, FileOf("a", Compiled));

        await IllegalCalls[what](first);

        await first.Sandbox.Disposed.WaitAsync(TestHost.Limit);
        await BeginAsync(host, function, what == "the same bytes twice" ? CodeCacheUse.Placed : CodeCacheUse.Wanted);
    }

    [TimedFact]
    public async Task Bytes_without_an_announcement_end_the_worker()
    {
        await using var host = await StartAsync();
        var worker = await BeginAsync(host, AddSolitary(host), CodeCacheUse.Wanted);

        await SendAsync(worker, Compiled);

        await worker.Sandbox.Disposed.WaitAsync(TestHost.Limit);
    }

    private static async Task<TestHost> StartAsync(long room = 64 << 20)
    {
        // The successor of a killed worker comes right after it.
        var host = await TestHost.StartAsync(change: options => options with { CodeCacheBytes = room }, successors: 3);
        host.SetModuleSize(20_000);
        return host;
    }

    /// <summary>A function whose every invocation needs a worker of its own.</summary>
    private static FunctionVersion AddSolitary(TestHost host, string name = "hello") => host.Add(name, limits => limits with { Concurrency = 1, MaxWorkers = 8 });

    /// <summary>Invokes the function on a new worker, which announces the files.</summary>
    private static async Task<ScriptedWorker> BeginAsync(TestHost host, FunctionVersion function, CodeCacheUse expected, params CodeCacheFile[] announced)
    {
        host.Launcher.Prepare = worker => worker.AnswersSpecialise = false;
        _ = host.InvokeAsync(function);
        var worker = await host.Launcher.NextAsync();
        Assert.Equal(expected, (await worker.NextAsync(HostFrame.KindOneofCase.Specialise)).Specialise.CodeCache);
        await worker.SendAsync(Frames.Specialised(null, announced));
        await worker.NextInvokeAsync();
        return worker;
    }

    /// <returns>What the host says that it took; nothing if it hung up.</returns>
    private static async Task<long?> SendAsync(ScriptedWorker worker, byte[] bytes)
    {
        using var call = worker.Client.CodeCache();
        try
        {
            foreach (var chunk in bytes.Chunk(64 * 1024))
            {
                await call.RequestStream.WriteAsync(new BodyChunk { Data = ByteString.CopyFrom(chunk) });
            }

            await call.RequestStream.CompleteAsync();
        }
        catch (Exception ex) when (ex is RpcException or InvalidOperationException or IOException)
        {
            // The host need not hear all before it answers.
        }

        try
        {
            return (await call.ResponseAsync).Bytes;
        }
        catch (Exception ex) when (ex is RpcException or InvalidOperationException or IOException)
        {
            return null;
        }
    }

    private static CodeCacheFile FileOf(string name, byte[] bytes) => new() { Name = name, Bytes = (uint)bytes.Length, Sha256 = HashOf(bytes) };

    private static ByteString HashOf(byte[] bytes) => ByteString.CopyFrom(SHA256.HashData(bytes));
}
