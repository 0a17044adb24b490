using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace SandboxHost.Isolation.Egress.Names;

/// <summary>Response codes of RFC 1035 that the name server gives.</summary>
internal enum DnsCode
{
    Ok = 0,
    FormatError = 1,
    ServerFailure = 2,
    NoSuchName = 3,
    NotImplemented = 4,
}

/// <summary>
/// One question in DNS's wire format, and replies to it. Reads the one form that stub resolvers send (a query with one
/// question, maybe an OPT record after it) and nothing else; never reads a byte that is not there.
/// </summary>
internal sealed record DnsQuery
{
    public const ushort TypeA = 1;
    public const ushort TypeAaaa = 28;

    /// <summary>What a reply over UDP may have when the query does not say (RFC 1035), and at most (the DNS flag day's).</summary>
    public const int LeastReply = 512, MostReply = 1232;

    private const int HeaderBytes = 12, MaxNameBytes = 255, MaxAddresses = 16;
    private const ushort ClassInternet = 1, TypeOpt = 41;

    /// <summary>In lower case, without the last dot.</summary>
    public required string Name { get; init; }

    public required ushort Type { get; init; }

    /// <summary>How long a reply over UDP may be.</summary>
    public required int MaxReply { get; init; }

    /// <summary>Header and question, as they came: a reply begins with them.</summary>
    public required byte[] Head { get; init; }

    /// <summary>Reads a message. When it is no query that can be answered: null, and the reply to send, or null for none at all.</summary>
    public static DnsQuery? Parse(ReadOnlySpan<byte> message, out byte[]? reply)
    {
        reply = null;
        // A response is never answered: two servers would go on for ever.
        if (message.Length < HeaderBytes || (message[2] & 0x80) != 0)
        {
            return null;
        }

        if ((message[2] & 0x78) != 0)
        {
            reply = Refusal(message, DnsCode.NotImplemented);
            return null;
        }

        reply = Refusal(message, DnsCode.FormatError);
        var (questions, answers, authorities) = (Word(message, 4), Word(message, 6), Word(message, 8));
        if (questions != 1 || answers != 0 || authorities != 0 || ReadName(message[HeaderBytes..], out var nameBytes) is not { } name)
        {
            return null;
        }

        var end = HeaderBytes + nameBytes;
        if (message.Length < end + 4)
        {
            return null;
        }

        var (type, family) = (Word(message, end), Word(message, end + 2));
        if (family != ClassInternet)
        {
            reply = Refusal(message, DnsCode.NotImplemented);
            return null;
        }

        end += 4;
        reply = null;
        return new DnsQuery { Name = name, Type = type, MaxReply = ReadMaxReply(message[end..]), Head = message[..end].ToArray() };
    }

    /// <summary>A reply without addresses.</summary>
    public byte[] Answer(DnsCode code) => Answer(code, [], 0, LeastReply);

    /// <summary>A reply with the addresses of the family that was asked for, as many as fit; 16 at most.</summary>
    /// <param name="seconds">How long they may be kept.</param>
    public byte[] Answer(IEnumerable<IPAddress> addresses, uint seconds, int maxReply) => Answer(DnsCode.Ok, addresses, seconds, maxReply);

    private byte[] Answer(DnsCode code, IEnumerable<IPAddress> addresses, uint seconds, int maxReply)
    {
        var family = Type == TypeA ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        var addressBytes = Type == TypeA ? 4 : 16;
        var recordBytes = 12 + addressBytes;
        var fitting = Math.Min(MaxAddresses, (maxReply - Head.Length) / recordBytes);
        IPAddress[] chosen = Type is TypeA or TypeAaaa ? [.. addresses.Where(address => address.AddressFamily == family).Take(Math.Max(0, fitting))] : [];
        var reply = new byte[Head.Length + (chosen.Length * recordBytes)];
        Head.CopyTo(reply, 0);
        WriteHeader(reply, code, questions: 1, chosen.Length);
        var at = Head.Length;
        foreach (var address in chosen)
        {
            var record = reply.AsSpan(at, recordBytes);
            BinaryPrimitives.WriteUInt16BigEndian(record, 0xC000 | HeaderBytes); // the name: where the question has it
            BinaryPrimitives.WriteUInt16BigEndian(record[2..], Type);
            BinaryPrimitives.WriteUInt16BigEndian(record[4..], ClassInternet);
            BinaryPrimitives.WriteUInt32BigEndian(record[6..], seconds);
            BinaryPrimitives.WriteUInt16BigEndian(record[10..], (ushort)addressBytes);
            address.TryWriteBytes(record[12..], out _);
            at += recordBytes;
        }

        return reply;
    }

    private static byte[] Refusal(ReadOnlySpan<byte> message, DnsCode code)
    {
        var reply = message[..HeaderBytes].ToArray();
        WriteHeader(reply, code, questions: 0, answers: 0);
        return reply;
    }

    // Keeps the id, the opcode and "recursion desired"; says that this is a response and that recursion is there.
    private static void WriteHeader(Span<byte> reply, DnsCode code, ushort questions, int answers)
    {
        reply[2] = (byte)(0x80 | (reply[2] & 0x79));
        reply[3] = (byte)(0x80 | (int)code);
        BinaryPrimitives.WriteUInt16BigEndian(reply[4..], questions);
        BinaryPrimitives.WriteUInt16BigEndian(reply[6..], (ushort)answers);
        BinaryPrimitives.WriteUInt32BigEndian(reply[8..], 0);
    }

    // Labels only: a question has nothing before it that it could point to.
    private static string? ReadName(ReadOnlySpan<byte> bytes, out int length)
    {
        var name = new StringBuilder();
        length = 0;
        while (length < bytes.Length && length < MaxNameBytes)
        {
            int label = bytes[length++];
            if (label == 0)
            {
                return name.Length > 0 ? name.ToString() : null;
            }

            if (label > 63 || length + label > bytes.Length || !IsLegal(bytes.Slice(length, label)))
            {
                return null;
            }

            name.Append(name.Length > 0 ? "." : "").Append(Encoding.ASCII.GetString(bytes.Slice(length, label)).ToLowerInvariant());
            length += label;
        }

        return null;
    }

    // Host names only: a dot or a zero inside of a label would make another name of it for the host's resolver.
    private static bool IsLegal(ReadOnlySpan<byte> label)
    {
        foreach (var octet in label)
        {
            if (!char.IsAsciiLetterOrDigit((char)octet) && octet is not ((byte)'-' or (byte)'_'))
            {
                return false;
            }
        }

        return true;
    }

    // RFC 6891: root name, type, and where others have a class, the size that the client takes.
    private static int ReadMaxReply(ReadOnlySpan<byte> rest) =>
        rest.Length >= 11 && rest[0] == 0 && Word(rest, 1) == TypeOpt ? Math.Clamp((int)Word(rest, 3), LeastReply, MostReply) : LeastReply;

    private static ushort Word(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]);
}
