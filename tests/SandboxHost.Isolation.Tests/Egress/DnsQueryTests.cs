using System.Net;
using CsCheck;
using SandboxHost.Isolation.Egress.Names;

namespace SandboxHost.Isolation.Egress;

/// <summary>DNS messages from a worker are written by a stranger.</summary>
public sealed class DnsQueryTests
{
    private static readonly byte[] Good = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, (byte)'a', 2, (byte)'B', (byte)'c', 0, 0, 1, 0, 1];

    [TimedFact]
    public void Query_is_read_and_its_reply_begins_with_it()
    {
        var query = DnsQuery.Parse(Good, out var refusal)!;

        Assert.Equal(("a.bc", DnsQuery.TypeA, 512), (query.Name, query.Type, query.MaxReply));
        Assert.Null(refusal);
        byte[] reply = query.Answer([IPAddress.Parse("1.2.3.4"), IPAddress.IPv6Loopback], 30, 512);
        Assert.Equal([0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, .. Good[12..], 0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 1, 2, 3, 4], reply);
    }

    [TimedTheory]
    [InlineData(new byte[] { 0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0 }, 1024)]
    [InlineData(new byte[] { 0, 0, 41, 255, 255, 0, 0, 0, 0, 0, 0 }, 1232)]
    [InlineData(new byte[] { 0, 0, 41, 0, 1, 0, 0, 0, 0, 0, 0 }, 512)]
    [InlineData(new byte[] { 0, 0, 41, 4 }, 512)]
    public void Client_may_take_a_longer_reply(byte[] option, int size) =>
        Assert.Equal(size, DnsQuery.Parse([.. Good, .. option], out _)!.MaxReply);

    [TimedTheory]
    [InlineData(2, 0x81, -1)] // a response
    [InlineData(2, 0x09, 4)] // another opcode
    [InlineData(5, 0, 1)] // no question
    [InlineData(5, 2, 1)] // two
    [InlineData(7, 1, 1)] // an answer
    [InlineData(9, 1, 1)] // an authority
    [InlineData(12, 0, 1)] // the root
    [InlineData(12, 0xC0, 1)] // a pointer
    [InlineData(12, 64, 1)] // a label that is too long
    [InlineData(12, 63, 1)] // or longer than the message
    [InlineData(13, '.', 1)] // a dot inside of a label
    [InlineData(13, 0, 1)]
    [InlineData(13, '@', 1)]
    [InlineData(13, 0xE4, 1)]
    [InlineData(21, 3, 4)] // the chaos class
    public void What_no_stub_resolver_sends_is_refused_or_not_answered(int at, byte value, int code)
    {
        var message = Good.ToArray();
        message[at] = value;

        Assert.Null(DnsQuery.Parse(message, out var reply));
        Assert.Equal(code, reply is null ? -1 : reply[3] & 0xF);
        Assert.Equal(code < 0 ? null : 12, reply?.Length);
    }

    [TimedFact]
    public void Name_has_255_bytes_at_most()
    {
        byte[] WithLabels(int count) => [.. Good[..12], .. Enumerable.Repeat<byte[]>([1, (byte)'a'], count).SelectMany(label => label), 0, 0, 1, 0, 1];

        Assert.NotNull(DnsQuery.Parse(WithLabels(126), out _));
        Assert.Null(DnsQuery.Parse(WithLabels(128), out _));
    }

    [TimedFact]
    public void Random_truncated_and_damaged_messages_do_no_harm()
    {
        var messages = Gen.OneOf(
            Gen.Byte.Array[0, 600],
            Gen.Select(Gen.Int[0, Good.Length - 1], Gen.Byte, Gen.Int[0, Good.Length], Gen.Byte.Array[0, 40]).Select((at, value, cut, more) =>
            {
                var message = Good.ToArray();
                message[at] = value;
                return (byte[])[.. message[..cut], .. more];
            }));

        messages.Sample(
            message =>
            {
                if (DnsQuery.Parse(message, out var reply) is { } query)
                {
                    Assert.InRange(query.Name.Length, 1, 253);
                    Assert.Matches(@"\A[a-z0-9_.-]+\z", query.Name);
                    Assert.InRange(query.Answer(Enumerable.Repeat(IPAddress.Loopback, 100), 1, query.MaxReply).Length, 12, query.MaxReply);
                    return;
                }

                Assert.True(reply is null || (reply.Length == 12 && (reply[2] & 0x80) != 0));
            },
            iter: 20_000,
            threads: 1);
    }
}
