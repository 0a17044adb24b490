using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace SandboxHost.Routing.Rules;

/// <summary>Reads roles out of tokens (JWT, HS256: RFC 7519 and 7515) that somebody signed with the site's secret.</summary>
/// <param name="Secret">Not empty.</param>
/// <param name="ClaimPath">Where the list of roles is, names with dots between them.</param>
public sealed record RoleTokens(ReadOnlyMemory<byte> Secret, string ClaimPath)
{
    public const string DefaultClaimPath = "app_metadata.authorization.roles";

    /// <summary>Browsers send no cookie larger than this.</summary>
    private const int MaxLength = 8192;

    /// <summary>The roles; none when the token is not genuine, has no end (<c>exp</c>) or is over.</summary>
    public IReadOnlyList<string> RolesOf(string token, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(token);
        try
        {
            return token.Length <= MaxLength && IsGenuine(token, out var payload) ? RolesIn(payload, now) : [];
        }
        catch (Exception ex) when (ex is FormatException or JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return [];
        }
    }

    private bool IsGenuine(string token, out byte[] payload)
    {
        payload = [];
        var parts = token.Split('.');
        if (parts.Length != 3)
        {
            return false;
        }

        using var header = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[0]));
        if (header.RootElement.GetProperty("alg").GetString() != "HS256")
        {
            return false;
        }

        var expected = HMACSHA256.HashData(Secret.Span, Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"));
        payload = Base64Url.DecodeFromChars(parts[1]);
        return CryptographicOperations.FixedTimeEquals(expected, Base64Url.DecodeFromChars(parts[2]));
    }

    private List<string> RolesIn(byte[] payload, DateTimeOffset now)
    {
        using var document = JsonDocument.Parse(payload);
        var claims = document.RootElement;
        if (!claims.TryGetProperty("exp", out var end) || end.GetDouble() < now.ToUnixTimeSeconds()
            || (claims.TryGetProperty("nbf", out var start) && start.GetDouble() > now.ToUnixTimeSeconds()))
        {
            return [];
        }

        foreach (var name in ClaimPath.Split('.'))
        {
            if (!claims.TryGetProperty(name, out claims))
            {
                return [];
            }
        }

        return [.. claims.EnumerateArray().Where(role => role.ValueKind == JsonValueKind.String).Select(role => role.GetString()!)];
    }
}
