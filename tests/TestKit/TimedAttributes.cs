using System.Runtime.CompilerServices;

namespace SandboxHost.TestKit;

/// <summary>A fact with the time limit that every test here has.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TimedFactAttribute : FactAttribute
{
    public const int Milliseconds = 15_000;

    public TimedFactAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber) => Timeout = Milliseconds;
}

/// <summary>A theory with the time limit that every test here has.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TimedTheoryAttribute : TheoryAttribute
{
    public TimedTheoryAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber) => Timeout = TimedFactAttribute.Milliseconds;
}
