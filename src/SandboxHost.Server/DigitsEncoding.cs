using System.Text;

namespace SandboxHost.Server;

/// <summary>
/// Reads the digits of a Content-Length as they are and everything else as what no number has. Kestrel takes "+5" for 5; a
/// proxy in front may not, and then the two see different requests (RFC 9110 §8.6 allows digits alone).
/// </summary>
internal sealed class DigitsEncoding : Encoding
{
    public static readonly DigitsEncoding Instance = new();

    private const char NoDigit = 'x';

    private DigitsEncoding()
    {
    }

    public override int GetByteCount(char[] chars, int index, int count) => count;

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
        Latin1.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

    public override int GetCharCount(byte[] bytes, int index, int count) => count;

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        ArgumentNullException.ThrowIfNull(chars);
        for (var i = 0; i < byteCount; i++)
        {
            var letter = (char)bytes[byteIndex + i];
            chars[charIndex + i] = char.IsAsciiDigit(letter) ? letter : NoDigit;
        }

        return byteCount;
    }

    public override int GetMaxByteCount(int charCount) => charCount;

    public override int GetMaxCharCount(int byteCount) => byteCount;
}
