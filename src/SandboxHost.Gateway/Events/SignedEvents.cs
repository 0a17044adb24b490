using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using SandboxHost.Deployments;
using SandboxHost.Events;
using SandboxHost.Invocations;

namespace SandboxHost.Gateway.Events;

/// <summary>A platform event that came from outside, rightly signed.</summary>
internal sealed record SignedEvent(string Slug, byte[] Body);

/// <summary>
/// Lets platform events in from outside: requests with x-netlify-event and a JSON web signature (RFC 7515, HS256) in
/// x-webhook-signature, made with the site's secret. docs/events.md has the claims.
/// </summary>
internal sealed class SignedEvents(TimeProvider clock)
{
    public const string SignatureHeader = "x-webhook-signature";

    private const int MaxSignatureLength = 4096;
    private const int MaxIdLength = 64;
    private static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(5);

    /// <summary>How far the sender's clock may be ahead.</summary>
    private static readonly TimeSpan ClockSkew = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(60);

    private readonly UsedSignatures _used = new();

    /// <summary>Whether a request claims to be an event. One without a signature is a request like any other, and the function does not see the claim.</summary>
    public static bool IsEvent(HttpRequest request) => request.Headers.ContainsKey(SignatureHeader) && request.Headers.ContainsKey(PlatformEvent.Header);

    /// <summary>Reads the event if its signature holds; otherwise says what is wrong. The body is read after everything else is right.</summary>
    public async Task<(SignedEvent? Event, FunctionError? Error)> ReadAsync(HttpContext context, SiteSnapshot site, FunctionVersion function)
    {
        var slug = context.Request.Headers[PlatformEvent.Header].ToString();
        var now = clock.GetUtcNow();
        var claims = Verify(context.Request.Headers[SignatureHeader].ToString(), site.EventSecret, out var wrong);
        wrong ??= Complaint(claims!, slug, now);
        if (wrong is not null)
        {
            return (null, Bad(wrong));
        }

        var limit = function.Kind == FunctionKind.Background ? function.Limits.BackgroundBytes : function.Limits.RequestBytes;
        if (await WholeBody.ReadAsync(context, limit, context.RequestAborted) is not { } body)
        {
            return (null, new FunctionError(ErrorCode.RequestTooLarge, $"The event is larger than {limit} bytes, which is the limit of this function."));
        }

        if (!IsHashOf(claims!.Sha256!, body))
        {
            return (null, Bad("sha256 is not the hash of the body"));
        }

        return _used.Use(site.Identity.Id, claims.Id!, DateTimeOffset.FromUnixTimeSeconds(claims.ExpiresAt!.Value), now) switch
        {
            SignatureUse.First => (new SignedEvent(slug, body), null),
            SignatureUse.Again => (null, Bad("this jti was used before")),
            _ => (null, new FunctionError(ErrorCode.Overloaded, "Too many events came in the last minutes.") { RetryAfter = RetryAfter }),
        };
    }

    private static EventClaims? Verify(string signature, string? secret, out string? wrong)
    {
        wrong = null;
        if (secret is null)
        {
            wrong = "the site has no [events] secret, so it takes no events from outside";
            return null;
        }

        var parts = signature.Length <= MaxSignatureLength ? signature.Split('.') : [];
        if (parts is not [{ Length: > 0 } head, { Length: > 0 } payload, { Length: > 0 } mac]
            || Read(head, SignatureJson.Default.SignatureHead) is not { } header
            || Decode(mac) is not { } given)
        {
            wrong = "it is no JSON web signature";
            return null;
        }

        if (header.Algorithm != "HS256" || header.Critical is not null)
        {
            wrong = "alg must be HS256, without crit";
            return null;
        }

        // Nothing of the payload is looked at before the signature holds.
        var expected = HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.ASCII.GetBytes($"{head}.{payload}"));
        if (!CryptographicOperations.FixedTimeEquals(expected, given))
        {
            wrong = "it is made with another secret";
            return null;
        }

        var claims = Read(payload, SignatureJson.Default.EventClaims);
        wrong = claims is null ? "its claims are not JSON of the right types" : null;
        return claims;
    }

    private static string? Complaint(EventClaims claims, string slug, DateTimeOffset now)
    {
        if (claims is not { Event: not null, Sha256: not null, IssuedAt: { } issued, ExpiresAt: { } expires, Id: { Length: > 0 and <= MaxIdLength } })
        {
            return $"the claims event, sha256, iat, exp and jti (1 to {MaxIdLength} characters) are needed";
        }

        var time = now.ToUnixTimeSeconds();
        return claims.Event != slug ? $"event is not that of {PlatformEvent.Header}"
            : !PlatformEvent.All.Any(item => item.Slug == slug) ? "there is no such event"
            : expires <= time ? "exp is over"
            : issued > time + (long)ClockSkew.TotalSeconds ? "iat is in the future"
            : issued >= expires || issued < expires - (long)MaxAge.TotalSeconds ? "exp must be at most 300 seconds after iat"
            : null;
    }

    private static bool IsHashOf(string hex, byte[] body) =>
        hex.Length == 2 * SHA256.HashSizeInBytes
        && CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(hex.ToLowerInvariant()), Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(body))));

    private static T? Read<T>(string part, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return Decode(part) is { } json ? JsonSerializer.Deserialize(json, type) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static byte[]? Decode(string part)
    {
        try
        {
            // Padding and white space, which .NET would overlook, would give one signature many texts.
            return part.AsSpan().ContainsAny("= \t\r\n") ? null : Base64Url.DecodeFromChars(part);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static FunctionError Bad(string wrong) => new(ErrorCode.BadSignature, $"The signature of the event does not hold: {wrong}.");
}

internal sealed record SignatureHead([property: JsonPropertyName("alg")] string? Algorithm, [property: JsonPropertyName("crit")] JsonElement? Critical);

/// <summary>What the signature of an event says.</summary>
/// <param name="IssuedAt">Seconds since 1970, as is <paramref name="ExpiresAt"/>.</param>
internal sealed record EventClaims(
    [property: JsonPropertyName("event")] string? Event,
    [property: JsonPropertyName("sha256")] string? Sha256,
    [property: JsonPropertyName("iat")] long? IssuedAt,
    [property: JsonPropertyName("exp")] long? ExpiresAt,
    [property: JsonPropertyName("jti")] string? Id);

[JsonSerializable(typeof(SignatureHead))]
[JsonSerializable(typeof(EventClaims))]
internal sealed partial class SignatureJson : JsonSerializerContext;
