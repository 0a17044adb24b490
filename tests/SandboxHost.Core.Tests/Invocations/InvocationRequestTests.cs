using SandboxHost.Invocations;

namespace SandboxHost.Tests.Invocations;

public sealed class InvocationRequestTests
{
    [TimedTheory]
    [InlineData("GET", true)]
    [InlineData("HEAD", true)]
    [InlineData("OPTIONS", true)]
    [InlineData("PUT", true)]
    [InlineData("DELETE", true)]
    [InlineData("TRACE", true)]
    [InlineData("POST", false)]
    [InlineData("PATCH", false)]
    [InlineData("CUSTOM", false)]
    public void Only_idempotent_methods_may_be_replayed(string method, bool idempotent) =>
        Assert.Equal(
            idempotent,
            new InvocationRequest { Function = Some.Function("f"), RequestId = "", Method = method, Url = "", Headers = [], ClientIp = "" }.IsIdempotent);

    [TimedFact]
    public void No_body_is_complete_and_empty()
    {
        Assert.Null(default(RequestBody).Reader);
        Assert.True(default(RequestBody).Complete.IsEmpty);
    }
}
