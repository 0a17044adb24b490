namespace SandboxHost.Isolation.Egress;

/// <summary>Follows a request's body as it passes and says where it ends. Changes nothing.</summary>
internal sealed class BodyMeter(BodyFraming framing, long length)
{
    private enum Part
    {
        Size,
        SizeRest,
        Data,
        DataEnd,
        TrailerStart,
        Trailer,
        LastLine,
        Done,
        Bad,
    }

    private long _left = framing == BodyFraming.Length ? length : 0;
    private Part _part = framing == BodyFraming.Chunked ? Part.Size : length == 0 ? Part.Done : Part.Data;

    public bool IsComplete => _part == Part.Done;

    /// <summary>The chunks make no sense; nothing more can be passed on.</summary>
    public bool IsBroken => _part == Part.Bad;

    /// <summary>How many of these bytes are the body's.</summary>
    public int Take(ReadOnlySpan<byte> bytes)
    {
        var taken = 0;
        while (taken < bytes.Length && _part is not (Part.Done or Part.Bad))
        {
            if (_part == Part.Data)
            {
                var step = (int)Math.Min(_left, bytes.Length - taken);
                taken += step;
                _left -= step;
                if (_left == 0)
                {
                    _part = framing == BodyFraming.Chunked ? Part.DataEnd : Part.Done;
                }

                continue;
            }

            _part = Next(bytes[taken++]);
        }

        return taken;
    }

    // chunk = size [extension] CRLF data CRLF; the last has size 0 and is followed by trailers and an empty line (RFC 9112, 7.1).
    private Part Next(byte octet)
    {
        const long Most = long.MaxValue >> 8;
        switch (_part)
        {
            case Part.Size when char.IsAsciiHexDigit((char)octet) && _left < Most:
                _left = (_left * 16) + Convert.ToInt32(((char)octet).ToString(), 16);
                return Part.Size;
            case Part.Size or Part.SizeRest when octet == '\n':
                return _left > 0 ? Part.Data : Part.TrailerStart;
            case Part.Size when octet is (byte)'\r' or (byte)';' or (byte)' ':
            case Part.SizeRest:
                return Part.SizeRest;
            case Part.DataEnd:
                return octet == '\n' ? Part.Size : octet == '\r' ? Part.DataEnd : Part.Bad;
            case Part.TrailerStart:
                return octet == '\r' ? Part.LastLine : octet == '\n' ? Part.Done : Part.Trailer;
            case Part.Trailer:
                return octet == '\n' ? Part.TrailerStart : Part.Trailer;
            case Part.LastLine:
                return octet == '\n' ? Part.Done : Part.Bad;
            default:
                return Part.Bad;
        }
    }
}
