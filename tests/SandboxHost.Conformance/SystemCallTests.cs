using System.Globalization;
using System.Net;

namespace SandboxHost.Conformance;

/// <summary>What a request costs the host in system calls on sockets, which do not vary; counted by strace(1), which slows it down.</summary>
[Collection<Alone>]
public sealed class SystemCallTests(HostFixture fixture)
{
    private const string Path = "/.netlify/functions/plain";
    private const int WarmUps = 50;
    private const int Requests = 300;

    /// <summary>What else the host may do on sockets meanwhile, as a share.</summary>
    private const double Slack = 1.05;

    [Fact(Timeout = 60_000)]
    public async Task A_request_at_one_connection_is_two_sends_and_at_most_four_receives()
    {
        await AskAsync(WarmUps);
        using var strace = CommandRun.Start(
            "strace", Repository.Root, "-f", "-c", "-U", "calls,syscall", "-e", "trace=sendto,sendmsg,sendmmsg,recvfrom,recvmsg,recvmmsg", "-p", fixture.Host.Id.ToString(CultureInfo.InvariantCulture));
        string counts;
        try
        {
            await Eventually.TrueAsync(IsTraced, TimeSpan.FromSeconds(10), "strace has every thread of the host");
            await AskAsync(Requests);
            Signals.Send(strace.Id, Signals.Interrupt);
            counts = await strace.StandardError.ReadToEndAsync();
            await strace.WaitForExitAsync();
        }
        finally
        {
            strace.Kill(entireProcessTree: true);
        }

        // To the worker, and to the client; from each, with one each that finds nothing, for .NET tries before it waits.
        Assert.InRange(CallsOf("send", counts), 2 * Requests, (int)(2 * Requests * Slack));
        Assert.InRange(CallsOf("recv", counts), 2 * Requests, (int)(4 * Requests * Slack));
    }

    private bool IsTraced()
    {
        try
        {
            return Directory.EnumerateDirectories($"/proc/{fixture.Host.Id}/task")
                .All(thread => !File.ReadAllText(thread + "/status").Contains("TracerPid:\t0\n", StringComparison.Ordinal));
        }
        catch (IOException)
        {
            // A thread ended meanwhile.
            return false;
        }
    }

    // Lines of a number and a name.
    private static int CallsOf(string kind, string counts) => counts.Split('\n')
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Where(words => words.Length == 2 && words[1].StartsWith(kind, StringComparison.Ordinal))
        .Sum(words => int.Parse(words[0], CultureInfo.InvariantCulture));

    private async Task AskAsync(int requests)
    {
        for (var i = 0; i < requests; i++)
        {
            using var reply = await fixture.Client.GetAsync(Path);
            Assert.Equal(HttpStatusCode.OK, reply.StatusCode);
        }
    }
}
