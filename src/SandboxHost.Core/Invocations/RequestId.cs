namespace SandboxHost.Invocations;

/// <summary>Makes ULIDs: 48 bits of time and 80 of chance in 26 characters of Crockford's base 32, sortable by time.</summary>
public static class RequestId
{
    private const string Alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    public static string Create(DateTimeOffset now) => string.Create(26, now.ToUnixTimeMilliseconds(), static (text, time) =>
    {
        for (var i = 9; i >= 0; i--)
        {
            text[i] = Alphabet[(int)(time & 31)];
            time >>= 5;
        }

        // Ids must differ, not be secret: nothing is granted to who knows one.
        var high = Random.Shared.NextInt64();
        var low = Random.Shared.NextInt64();
        for (var i = 10; i < 18; i++, high >>= 5)
        {
            text[i] = Alphabet[(int)(high & 31)];
        }

        for (var i = 18; i < 26; i++, low >>= 5)
        {
            text[i] = Alphabet[(int)(low & 31)];
        }
    });
}
