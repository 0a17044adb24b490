using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace SandboxHost.Cli.Functions;

/// <summary>The user that `--identity` and the sample events speak of. There is nobody behind it.</summary>
internal static class MadeUpUser
{
    public const string Id = "00000000-0000-4000-8000-000000000001";
    public const string Email = "somebody@example.com";
    public const string FullName = "Some Body";

    /// <summary>A JSON web token (RFC 7519) with a signature that nobody should trust, good for an hour.</summary>
    public static string Token(DateTimeOffset now)
    {
        var head = Part(new { alg = "HS256", typ = "JWT" });
        var claims = Part(new
        {
            sub = Id,
            email = Email,
            exp = now.AddHours(1).ToUnixTimeSeconds(),
            app_metadata = new { provider = "email" },
            user_metadata = new { full_name = FullName },
            source = "sandboxhost functions invoke",
        });
        var signature = HMACSHA256.HashData("made up"u8, Encoding.ASCII.GetBytes($"{head}.{claims}"));
        return $"{head}.{claims}.{Base64Url.EncodeToString(signature)}";
    }

    private static string Part(object value) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(value));
}
