using System.Runtime.InteropServices;
using System.Text;

namespace SandboxHost.Launcher;

/// <summary>
/// A plan in memory: NUL-terminated words, each usable as a C string where it lies. Unmanaged and never freed; the
/// process ends or becomes another program.
/// </summary>
internal sealed unsafe class PlanReader
{
    private const int MaxLength = 4 << 20;
    private readonly byte* _end;
    private byte* _next;

    private PlanReader(byte* start, long length)
    {
        _next = start;
        _end = start + length;
    }

    public bool AtEnd => _next == _end;

    public static PlanReader FromStandardInput()
    {
        var capacity = 64 << 10;
        var buffer = (byte*)NativeMemory.Alloc((nuint)capacity);
        long length = 0;
        while (true)
        {
            if (length == capacity)
            {
                capacity *= 2;
                buffer = (byte*)NativeMemory.Realloc(buffer, (nuint)capacity);
            }

            var read = Kernel.Read(0, buffer + length, capacity - length);
            if (read == 0)
            {
                break;
            }

            if (read < 0 || length + read > MaxLength)
            {
                throw new StepFailure("plan", "standard input", read < 0 ? Kernel.LastError : 7);
            }

            length += read;
        }

        return FromMemory(buffer, length);
    }

    /// <param name="bytes">Stays where it is as long as a word of it is used.</param>
    public static PlanReader FromMemory(byte* bytes, long length)
    {
        // A plan that was cut off, because the host died while writing it, must not run in part.
        return length > 0 && bytes[length - 1] == 0 ? new PlanReader(bytes, length) : throw new StepFailure("plan", "cut off", 22);
    }

    /// <summary>The next word, as a C string.</summary>
    public byte* NextWord()
    {
        if (AtEnd)
        {
            throw new StepFailure("plan", "ends too early", 22);
        }

        var word = _next;
        while (*_next != 0)
        {
            _next++;
        }

        _next++;
        return word;
    }

    public string NextText() => TextOf(NextWord());

    public long NextNumber()
    {
        var text = NextText();
        return long.TryParse(text, out var number) ? number : throw new StepFailure("plan", text, 22);
    }

    /// <summary>The next <paramref name="count"/> words as the bytes they are, terminators included.</summary>
    public ReadOnlySpan<byte> NextBytes(long count)
    {
        var start = _next;
        for (long i = 0; i < count; i++)
        {
            NextWord();
        }

        return new ReadOnlySpan<byte>(start, (int)(_next - start));
    }

    public static string TextOf(byte* word) =>
        Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(word));
}
