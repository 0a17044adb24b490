using CsCheck;

namespace SandboxHost.Fuzzing;

/// <summary>Inputs as a fuzzer makes them of good ones: bytes changed, cut out, repeated, swapped, mixed with another's, cut off.</summary>
internal static class ChangedInputs
{
    // Ends of ranges, of lines and of words, and lengths that lie.
    private static readonly byte[] Telling = [0, 1, 0x7F, 0x80, 0xFF, .. "\r\n /%.:\"*({"u8];

    private static readonly Gen<byte> Byte = Gen.Frequency((1, OneOf(Telling)), (1, Gen.Byte));

    public static Gen<byte[]> Of(FuzzTarget target)
    {
        var seed = OneOf(target.Seeds);
        var changed =
            from start in seed
            from other in seed
            from changes in Change(other).Array[1, 6]
            select changes.Aggregate(start, (bytes, change) => change(bytes));
        return Gen.Frequency((9, changed), (1, Gen.Byte.Array[0, 64])).Select(bytes => bytes.Length <= FuzzTarget.MaxInput ? bytes : bytes[..FuzzTarget.MaxInput]);
    }

    private static Gen<T> OneOf<T>(IReadOnlyList<T> values) => Gen.Int[0, values.Count - 1].Select(i => values[i]);

    private static Gen<Func<byte[], byte[]>> Change(byte[] other) =>
        from kind in Gen.Int[0, 6]
        from at in Gen.Double.Unit
        from to in Gen.Double.Unit
        from value in Byte
        from run in Byte.Array[1, 8]
        select (Func<byte[], byte[]>)(bytes => Apply(kind, bytes, (int)(at * bytes.Length), (int)(to * bytes.Length), value, run, other));

    private static byte[] Apply(int kind, byte[] bytes, int at, int to, byte value, byte[] run, byte[] other)
    {
        if (bytes.Length == 0)
        {
            return run;
        }

        var (from, end) = (Math.Min(at, to), Math.Max(at, to));
        return kind switch
        {
            0 => [.. bytes[..at], value, .. bytes[(at + 1)..]],
            1 => [.. bytes[..at], .. run, .. bytes[at..]],
            2 => [.. bytes[..from], .. bytes[end..]],
            3 => [.. bytes[..end], .. bytes[from..]],
            4 => bytes[..at],
            5 => [.. bytes[end..], .. bytes[..end]],
            _ => [.. bytes[..at], .. other[Math.Min(to, other.Length)..]],
        };
    }
}
