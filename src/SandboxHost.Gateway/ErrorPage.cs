namespace SandboxHost.Gateway;

/// <summary>An error for people.</summary>
internal static class ErrorPage
{
    /// <param name="forAuthor">A visitor does not care for the type, which may be a program's word.</param>
    public static string Of(ErrorBody error, bool forAuthor)
    {
        var head = forAuthor
            ? $"<h1>{HostPage.Text(error.ErrorType)}</h1>\n<p>{HostPage.Text(error.ErrorMessage)}</p>\n{HostPage.Trace(error.Trace)}"
            : $"<h1>{HostPage.Text(error.ErrorMessage)}</h1>";
        return HostPage.Of(
            forAuthor ? error.ErrorType : error.ErrorMessage,
            $"{head}\n<footer><code>{error.Code}</code> · request <code>{error.RequestId}</code></footer>");
    }
}
