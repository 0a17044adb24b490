namespace SandboxHost.Gateway;

/// <summary>An error for people.</summary>
internal static class ErrorPage
{
    public static string Of(ErrorBody error) => HostPage.Of(error.ErrorType, $"""
        <h1>{HostPage.Text(error.ErrorType)}</h1>
        <p>{HostPage.Text(error.ErrorMessage)}</p>
        {HostPage.Trace(error.Trace)}
        <footer><code>{error.Code}</code> · request <code>{error.RequestId}</code></footer>
        """);
}
