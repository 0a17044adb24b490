using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace SandboxHost.Chaos.Load;

/// <summary>
/// Where functions write down, before they do anything else, which request they run. It is a server of the test's own, since
/// what a function prints may die with its worker.
/// </summary>
internal sealed class RunLedger : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, int> _runs = new(StringComparer.Ordinal);

    private RunLedger()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Services.AddRoutingCore();
        _app = builder.Build();
        _app.Run(context =>
        {
            _runs.AddOrUpdate(context.Request.Path.Value![1..], 1, (_, count) => count + 1);
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return Task.CompletedTask;
        });
    }

    public int Port => new Uri(_app.Urls.First()).Port;

    public static async Task<RunLedger> StartAsync()
    {
        var ledger = new RunLedger();
        await ledger._app.StartAsync();
        return ledger;
    }

    /// <summary>How often functions began with this request.</summary>
    public int RunsOf(string id) => _runs.GetValueOrDefault(id);

    /// <summary>Whatever functions began with, and how often.</summary>
    public IReadOnlyDictionary<string, int> All => _runs;

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}
