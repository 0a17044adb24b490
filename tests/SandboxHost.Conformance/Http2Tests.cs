using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace SandboxHost.Conformance;

/// <summary>The same functions over HTTP/2, with TLS and without.</summary>
public sealed class Http2Tests : IAsyncLifetime
{
    private readonly TempFolder _folder = new();
    private readonly int _http2Port = FreePort();
    private readonly int _tlsPort = FreePort();
    private HostProcess _host = null!;
    private HttpClient _client = null!;
    private string _thumbprint = "";

    public async ValueTask InitializeAsync()
    {
        var (certificate, key) = WriteCertificate();
        _host = await HostProcess.StartAsync(
            Repository.PathOf("tests/functions/site"),
            "--http2-port", $"{_http2Port}", "--tls-port", $"{_tlsPort}", "--tls-cert", certificate, "--tls-key", key);
        _client = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                // The certificate is the test's own, made a moment ago; no other will do.
                RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.GetCertHashString() == _thumbprint,
            },
        });
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _host.DisposeAsync();
        _folder.Dispose();
    }

    [Theory(Timeout = 30_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task FC_36_a_body_goes_both_ways_over_http_2(bool tls)
    {
        var sent = new byte[1_000_000];
        Random.Shared.NextBytes(sent);
        using var reply = await SendAsync(tls, HttpMethod.Post, "/echo", new ByteArrayContent(sent));

        Assert.Equal((HttpStatusCode.OK, HttpVersion.Version20), (reply.StatusCode, reply.Version));
        Assert.Equal(sent, await reply.Content.ReadAsByteArrayAsync());
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_36_a_stream_that_breaks_off_is_reset()
    {
        using var reply = await SendAsync(tls: false, HttpMethod.Get, "/break-off", null);

        Assert.Equal(HttpStatusCode.OK, reply.StatusCode);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => reply.Content.ReadAsStringAsync());
    }

    [Fact(Timeout = 30_000)]
    public async Task FC_36_many_calls_share_one_connection()
    {
        var replies = await Task.WhenAll(Enumerable.Range(0, 100).Select(async number =>
        {
            using var reply = await SendAsync(tls: true, HttpMethod.Get, $"/rest/{number}", null);
            return await reply.Content.ReadAsStringAsync();
        }));

        Assert.All(replies.Index(), reply => Assert.Contains($"\"0\":\"{reply.Index}\"", reply.Item));
    }

    private async Task<HttpResponseMessage> SendAsync(bool tls, HttpMethod method, string path, HttpContent? content)
    {
        using var request = new HttpRequestMessage(method, tls ? $"https://localhost:{_tlsPort}{path}" : $"http://localhost:{_http2Port}{path}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        return await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    private (string Certificate, string Key) WriteCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        _thumbprint = certificate.GetCertHashString();
        return (_folder.Write("cert.pem", certificate.ExportCertificatePem()), _folder.Write("key.pem", key.ExportPkcs8PrivateKeyPem()));
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
