using System.Text;

namespace SandboxHost.Isolation.Egress;

public sealed class ProxyRequestTests
{
    [Theory]
    [InlineData("CONNECT example.com:443 HTTP/1.1\r\n\r\n", "example.com", 443)]
    [InlineData("CONNECT [2606::1]:443 HTTP/1.1\r\nHost: x\r\n\r\n", "2606::1", 443)]
    [InlineData("CONNECT 0x7f.1:80 HTTP/1.0\r\n\r\n", "0x7f.1", 80)]
    public void Tunnels_name_a_host_and_a_port(string head, string host, int port)
    {
        var request = Parse(head)!;
        Assert.Equal((true, host, port), (request.IsTunnel, request.Host, request.Port));
    }

    [Theory]
    [InlineData("http://example.com/a?b=c", "example.com", 80, "/a?b=c", "example.com")]
    [InlineData("http://example.com:8080", "example.com", 8080, "/", "example.com:8080")]
    [InlineData("HTTP://example.com?x", "example.com", 80, "/?x", "example.com")]
    [InlineData("http://[2606::1]:81/", "2606::1", 81, "/", "[2606::1]:81")]
    public void Requests_are_sent_on_in_origin_form(string target, string host, int port, string path, string authority)
    {
        var request = Parse($"GET {target} HTTP/1.1\r\nHost: other\r\nAccept: a\r\nProxy-Authorization: secret\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n\r\n")!;

        Assert.Equal((false, host, port), (request.IsTunnel, request.Host, request.Port));
        Assert.Equal($"GET {path} HTTP/1.1\r\nHost: {authority}\r\nAccept: a\r\nConnection: close\r\n\r\n", Encoding.Latin1.GetString(request.Head));
    }

    [Fact]
    public void Length_of_the_body_is_read_and_kept()
    {
        var request = Parse("POST http://a/ HTTP/1.1\r\nContent-Length: 12\r\nConnection: content-length\r\n\r\n")!;
        Assert.Equal((BodyFraming.Length, 12), (request.Framing, request.BodyLength));
        Assert.Contains("Content-Length: 12\r\n", Encoding.Latin1.GetString(request.Head));
        Assert.Equal(BodyFraming.Chunked, Parse("POST http://a/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")!.Framing);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("GET https://a/ HTTP/1.1\r\n\r\n")]
    [InlineData("GET http://user@a/ HTTP/1.1\r\n\r\n")]
    [InlineData("GET http://a\\@b/ HTTP/1.1\r\n\r\n")]
    [InlineData("GET http:///x HTTP/1.1\r\n\r\n")]
    [InlineData("GET http://a:99999/ HTTP/1.1\r\n\r\n")]
    [InlineData("GET http://a:-1/ HTTP/1.1\r\n\r\n")]
    [InlineData("GET http://a/ HTTP/2.0\r\n\r\n")]
    [InlineData("GET  http://a/ HTTP/1.1\r\n\r\n")]
    [InlineData("GET http://a/b\nX: HTTP/1.1\r\n\r\n")]
    [InlineData("GET http://a/b\rc HTTP/1.1\r\n\r\n")]
    [InlineData("GET http://a/b\0 HTTP/1.1\r\n\r\n")]
    [InlineData("GET http://a\t/ HTTP/1.1\r\n\r\n")]
    [InlineData("CONNECT a HTTP/1.1\r\n\r\n")]
    [InlineData("CONNECT :80 HTTP/1.1\r\n\r\n")]
    [InlineData("CONNECT a:80:90 HTTP/1.1 x\r\n\r\n")]
    [InlineData("CONNECT a b:80 HTTP/1.1\r\n\r\n")]
    [InlineData("POST http://a/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")]
    [InlineData("POST http://a/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")]
    [InlineData("POST http://a/ HTTP/1.1\r\nContent-Length: +1\r\n\r\n")]
    [InlineData("POST http://a/ HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n")]
    [InlineData("GET http://a/ HTTP/1.1\r\nX : 1\r\n\r\n")]
    [InlineData("GET http://a/ HTTP/1.1\r\nX: 1\nY: 2\r\n\r\n")]
    [InlineData("GET http://a/ HTTP/1.1\r\n folded\r\n\r\n")]
    [InlineData("\u0016\u0003\u0001\r\n\r\n")]
    [InlineData("\r\n\r\n")]
    public void Anything_unclear_is_malformed(string head) => Assert.Null(Parse(head));

    [Theory]
    [InlineData("5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;x=y\r\nhello\r\n3\r\nabc\r\n0\r\nTrailer: 1\r\n\r\n")]
    [InlineData("00a\r\n0123456789\r\n000\r\n\r\n")]
    public void Chunked_body_ends_where_it_ends_however_it_is_cut(string body)
    {
        var bytes = Encoding.ASCII.GetBytes(body + "GET http://next");
        for (var step = 1; step <= bytes.Length; step++)
        {
            var meter = new BodyMeter(BodyFraming.Chunked, 0);
            var taken = bytes.Chunk(step).Sum(part => meter.Take(part));
            Assert.Equal((body.Length, true, false), (taken, meter.IsComplete, meter.IsBroken));
        }
    }

    [Theory]
    [InlineData("x\r\n")]
    [InlineData("5\r\nhelloX")]
    [InlineData("7fffffffffffffffff\r\n")]
    [InlineData("0\r\n\rX")]
    public void Chunks_without_sense_are_broken(string body)
    {
        var meter = new BodyMeter(BodyFraming.Chunked, 0);
        meter.Take(Encoding.ASCII.GetBytes(body));
        Assert.True(meter.IsBroken);
    }

    [Fact]
    public void Body_of_a_length_is_that_long()
    {
        var meter = new BodyMeter(BodyFraming.Length, 3);
        Assert.Equal((2, false), (meter.Take("ab"u8), meter.IsComplete));
        Assert.Equal((1, true), (meter.Take("cd"u8), meter.IsComplete));
        Assert.Equal(0, new BodyMeter(BodyFraming.None, 0).Take("x"u8));
    }

    private static ProxyRequest? Parse(string head) => ProxyRequest.Parse(Encoding.Latin1.GetBytes(head), out _);
}
