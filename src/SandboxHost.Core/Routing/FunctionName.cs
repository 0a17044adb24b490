using System.Buffers;

namespace SandboxHost.Routing;

/// <summary>The rule for function names (reference §1.2).</summary>
public static class FunctionName
{
    private static readonly SearchValues<char> Legal =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    public static bool IsLegal(ReadOnlySpan<char> name) => !name.IsEmpty && !name.ContainsAnyExcept(Legal);
}
