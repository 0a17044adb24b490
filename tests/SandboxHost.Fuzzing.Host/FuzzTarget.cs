using System.Text;
using SandboxHost.Fuzzing.Targets;

namespace SandboxHost.Fuzzing;

/// <summary>
/// Something that takes bytes from outside. Whatever they are, <see cref="Run"/> returns, and soon; an exception from it is
/// a bug, and so is what it finds untrue about the result.
/// </summary>
/// <param name="Name">As `tests/fuzz` takes it.</param>
/// <param name="Seeds">Inputs of every kind that are worth changing.</param>
internal sealed record FuzzTarget(string Name, string What, Action<byte[]> Run, IReadOnlyList<byte[]> Seeds)
{
    /// <summary>More is not tried: what reads more has a limit of its own in front.</summary>
    public const int MaxInput = 64 * 1024;

    public static readonly IReadOnlyList<FuzzTarget> All =
    [
        SessionTarget.Create(), BodyTarget.Create(), PathTarget.Create(), PatternTarget.Create(), CronTarget.Create(), SiteFileTarget.Create(),
        ProxyRequestTarget.Create(), PlanTarget.Create(), FormTarget.Create(), OutputTarget.Create(),
    ];

    public override string ToString() => Name;

    /// <summary>A fact that every input has to leave true.</summary>
    /// <exception cref="InvalidOperationException">It does not hold.</exception>
    public static void Holds(bool fact, string what)
    {
        if (!fact)
        {
            throw new InvalidOperationException($"Does not hold: {what}");
        }
    }

    public static byte[] Text(string text) => Encoding.Latin1.GetBytes(text);

    public static string TextOf(byte[] bytes) => Encoding.UTF8.GetString(bytes);
}
