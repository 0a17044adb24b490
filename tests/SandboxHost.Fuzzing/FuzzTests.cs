using CsCheck;

namespace SandboxHost.Fuzzing;

/// <summary>
/// Every target with changed inputs, a few thousand each: enough to notice what a change broke. `tests/fuzz` looks longer,
/// and is led by what code an input reaches. A failure prints a seed; CsCheck_Seed=… runs that one again.
/// </summary>
public sealed class FuzzTests
{
    private const int Inputs = 3000;

    public static TheoryData<string> Targets => [.. FuzzTarget.All.Select(target => target.Name)];

    [TimedTheory]
    [MemberData(nameof(Targets))]
    public void No_input_escapes(string name)
    {
        var target = Find(name);
        foreach (var seed in target.Seeds)
        {
            target.Run(seed);
        }

        ChangedInputs.Of(target).Sample(target.Run, iter: Inputs, threads: 1, print: Convert.ToHexString);
    }

    [TimedTheory]
    [MemberData(nameof(Targets))]
    public void No_input_leaves_something_in_memory(string name)
    {
        const long Slack = 512 * 1024;
        var target = Find(name);
        void RunMany() => ChangedInputs.Of(target).Sample(target.Run, iter: 500, threads: 1);

        // What is made once is made by then.
        RunMany();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        RunMany();
        RunMany();

        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, Slack);
    }

    private static FuzzTarget Find(string name) => FuzzTarget.All.Single(target => target.Name == name);
}
