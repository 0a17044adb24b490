namespace SandboxHost.Conformance;

/// <summary>Requests that two readers could take for different ones: refused, and the connection closed.</summary>
[Collection<Alone>]
public sealed class SmugglingTests(HostFixture fixture)
{
    private const string Host = "Host: localhost\r\n";
    private const string Chunked = "Transfer-Encoding: chunked\r\n";
    private const string Second = "GET /methods HTTP/1.1\r\nHost: localhost\r\n\r\n";

    private static readonly Dictionary<string, string> Requests = new()
    {
        ["Content-Length and Transfer-Encoding"] = Post("Content-Length: 6\r\n" + Chunked, "0\r\n\r\nG"),
        ["Transfer-Encoding and Content-Length"] = Post(Chunked + "Content-Length: 6\r\n", "0\r\n\r\nG"),
        ["two lengths"] = Post("Content-Length: 5\r\nContent-Length: 6\r\n", "abcde"),
        ["a list of lengths"] = Post("Content-Length: 5, 6\r\n", "abcde"),
        ["a negative length"] = Post("Content-Length: -5\r\n", "abcde"),
        ["a hexadecimal length"] = Post("Content-Length: 0x5\r\n", "abcde"),
        ["a length beyond 64 bits"] = Post("Content-Length: 99999999999999999999\r\n", "abcde"),
        ["an empty length"] = Post("Content-Length: \r\n", "abcde"),
        ["another transfer coding"] = Post("Transfer-Encoding: xchunked\r\n", "abcde"),
        ["a last transfer coding that is not chunked"] = Post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
        ["chunked twice"] = Post(Chunked + "Transfer-Encoding: identity\r\n", "0\r\n\r\n"),
        ["a space before the colon"] = Post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
        ["a vertical tab before the coding"] = Post("Transfer-Encoding: \u000bchunked\r\n", "0\r\n\r\n"),
        ["lines that end in LF"] = "GET /methods HTTP/1.1\nHost: localhost\n\n",
        ["a field that ends in LF"] = "GET /methods HTTP/1.1\r\nX-A: b\nX-C: d\r\n" + Host + "\r\n",
        ["a field that ends in CR"] = "GET /methods HTTP/1.1\r\nX-A: b\rX-C: d\r\n" + Host + "\r\n",
        ["a field over two lines"] = "GET /methods HTTP/1.1\r\nX-A: b\r\n c\r\n" + Host + "\r\n",
        ["a first field that is the rest of a line"] = "GET /methods HTTP/1.1\r\n X-A: b\r\n" + Host + "\r\n",
        ["a field without a colon"] = "GET /methods HTTP/1.1\r\nX-A\r\n" + Host + "\r\n",
        ["a field without a name"] = "GET /methods HTTP/1.1\r\n: b\r\n" + Host + "\r\n",
        ["a NUL in a value"] = "GET /methods HTTP/1.1\r\nX-A: b\0c\r\n" + Host + "\r\n",
        ["a space in a name"] = "GET /methods HTTP/1.1\r\nX A: b\r\n" + Host + "\r\n",
        ["no host"] = "GET /methods HTTP/1.1\r\n\r\n",
        ["two hosts"] = "GET /methods HTTP/1.1\r\n" + Host + "Host: other\r\n\r\n",
        ["a host with a path"] = "GET /methods HTTP/1.1\r\nHost: localhost/x\r\n\r\n",
        ["a host with a user"] = "GET /methods HTTP/1.1\r\nHost: a@localhost\r\n\r\n",
        ["an absolute address of another host"] = "GET http://neighbour.localhost/methods HTTP/1.1\r\n" + Host + "\r\n",
        ["two spaces in the request line"] = "GET  /methods HTTP/1.1\r\n" + Host + "\r\n",
        ["a tab in the request line"] = "GET\t/methods HTTP/1.1\r\n" + Host + "\r\n",
        ["a request line without a version"] = "GET /methods\r\n" + Host + "\r\n",
        ["a NUL in the path"] = "GET /meth\0ods HTTP/1.1\r\n" + Host + "\r\n",
    };

    // Known only while the function reads, so its answer may have begun.
    private static readonly Dictionary<string, string> Bodies = new()
    {
        ["a chunk's size with a sign"] = Post(Chunked, "+5\r\nabcde\r\n0\r\n\r\n"),
        ["a chunk's size in other digits"] = Post(Chunked, "0x5\r\nabcde\r\n0\r\n\r\n"),
        ["a chunk's size beyond 32 bits"] = Post(Chunked, "FFFFFFFFFFFFFFFF\r\nabcde\r\n0\r\n\r\n"),
        ["a negative size of a chunk"] = Post(Chunked, "-1\r\nabcde\r\n0\r\n\r\n"),
        ["a chunk without its end"] = Post(Chunked, "5\r\nabcdef0\r\n\r\n"),
        ["a chunk's extension that ends in LF"] = Post(Chunked, "5;a\nabcde\r\n0\r\n\r\n"),
        ["a chunk's extension with a CR"] = Post(Chunked, "5;a\rb\r\nabcde\r\n0\r\n\r\n"),
    };

    public static TheoryData<string> Cases => [.. Requests.Keys];

    public static TheoryData<string> BodyCases => [.. Bodies.Keys];

    [Theory(Timeout = 15_000)]
    [MemberData(nameof(Cases))]
    public async Task FC_20_a_request_that_can_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_read(string what)
    {
        using var client = await RawClient.ConnectAsync(fixture.Host.Port);
        await client.SendAsync(Requests[what] + Second);

        var reply = await client.ReadToEndAsync();

        Assert.StartsWith("HTTP/1.1 400", reply);
        Assert.DoesNotContain("got GET", reply);
        Assert.Equal(1, reply.Split("HTTP/1.1 ").Length - 1);
    }

    [Theory(Timeout = 15_000)]
    [MemberData(nameof(BodyCases))]
    public async Task FC_20_a_body_that_can_be_read_in_two_ways_ends_the_connection_and_no_answer_passes_for_whole(string what)
    {
        using var client = await RawClient.ConnectAsync(fixture.Host.Port);
        await client.SendAsync(Bodies[what] + Second);

        var reply = await client.ReadToEndAsync();

        Assert.DoesNotContain("got GET", reply);
        Assert.DoesNotContain("\r\n0\r\n\r\n", reply);
        Assert.InRange(reply.Split("HTTP/1.1 ").Length - 1, 0, 1);
    }

    [Fact(Timeout = 15_000)]
    public async Task FC_20_a_chunks_extension_as_it_should_be_is_passed_over()
    {
        using var client = await RawClient.ConnectAsync(fixture.Host.Port);
        await client.SendAsync(Post(Chunked + "Connection: close\r\n", "5;a=\"b\"\r\nabcde\r\n0\r\n\r\n"));

        var reply = await client.ReadToEndAsync();

        Assert.StartsWith("HTTP/1.1 200", reply);
        Assert.Contains("abcde", reply);
    }

    private static string Post(string fields, string body) => "POST /echo HTTP/1.1\r\n" + Host + fields + "\r\n" + body;
}
