using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;

namespace SandboxHost.Isolation.Egress;

/// <summary>Reading and writing whole things.</summary>
internal static class Sockets
{
    public static byte[] Text(string text) => Encoding.Latin1.GetBytes(text);

    // The timer may be set only a moment from now, so time goes on until it shows.
    public static async Task AdvanceUntilAsync(FakeTimeProvider time, TimeSpan step, Task done)
    {
        while (!done.IsCompleted)
        {
            time.Advance(step);
            await Task.Yield();
        }

        await done;
    }

    public static async Task SendAllAsync(Socket socket, byte[] bytes)
    {
        for (var sent = 0; sent < bytes.Length;)
        {
            sent += await socket.SendAsync(bytes.AsMemory(sent));
        }

        socket.Shutdown(SocketShutdown.Send);
    }

    public static async Task<byte[]> ReadBytesAsync(Socket socket)
    {
        using var all = new MemoryStream();
        var buffer = new byte[64 << 10];
        while (await socket.ReceiveAsync(buffer) is > 0 and var read)
        {
            all.Write(buffer, 0, read);
        }

        return all.ToArray();
    }

    public static async Task<string> ReadAllAsync(Socket socket) => Encoding.Latin1.GetString(await ReadBytesAsync(socket));

    // A connection that is broken off ends as well.
    public static async Task<string> ReadUntilEndAsync(Socket socket)
    {
        try
        {
            return await ReadAllAsync(socket);
        }
        catch (SocketException)
        {
            return "";
        }
    }

    public static async Task<string> ReadAsync(Socket socket, int length)
    {
        var buffer = new byte[length];
        for (var at = 0; at < length;)
        {
            var read = await socket.ReceiveAsync(buffer.AsMemory(at));
            Assert.True(read > 0, "ended after " + Encoding.Latin1.GetString(buffer, 0, at));
            at += read;
        }

        return Encoding.Latin1.GetString(buffer);
    }
}
