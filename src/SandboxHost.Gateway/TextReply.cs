using System.Text;
using Microsoft.AspNetCore.Http;

namespace SandboxHost.Gateway;

/// <summary>Short texts of the host's own, each as the type that it is and no other.</summary>
internal static class TextReply
{
    public static async Task WriteAsync(HttpContext context, string text, string contentType = "text/plain; charset=utf-8")
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        context.Response.ContentType = contentType;
        context.Response.Headers.XContentTypeOptions = "nosniff";
        context.Response.ContentLength = bytes.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await context.Response.BodyWriter.WriteAsync(bytes, context.RequestAborted);
        }
    }
}
