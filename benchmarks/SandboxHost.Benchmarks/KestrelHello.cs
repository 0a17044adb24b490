using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;

namespace SandboxHost.Benchmarks;

/// <summary>Kestrel with nothing behind it: what a request costs before the host does anything. A peer of the load benchmarks.</summary>
internal static class KestrelHello
{
    public const string Command = "kestrel";

    private static readonly byte[] Body = "Hello, world!"u8.ToArray();

    /// <summary>Serves at a port of loopback until the process is told to end.</summary>
    public static async Task ServeAsync(string port)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Loopback, int.Parse(port, CultureInfo.InvariantCulture));
        });
        await using var app = builder.Build();
        app.Run(static async context =>
        {
            context.Response.ContentType = "text/plain;charset=UTF-8";
            context.Response.ContentLength = Body.Length;
            await context.Response.BodyWriter.WriteAsync(Body, context.RequestAborted);
        });
        await app.RunAsync();
    }
}
