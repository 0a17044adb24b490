using SandboxHost.Launcher;

namespace SandboxHost.Fuzzing.Targets;

/// <summary>The plan that the launcher reads. Only the host writes it; a pipe can be cut all the same.</summary>
internal static class PlanTarget
{
    public static FuzzTarget Create() => new("plan", "plans of the launcher", Run, Seeds());

    private static unsafe void Run(byte[] input)
    {
        fixed (byte* bytes = input)
        {
            try
            {
                var plan = PlanReader.FromMemory(bytes, input.Length);
                while (!plan.AtEnd)
                {
                    switch (plan.NextText())
                    {
                        case "number": _ = plan.NextNumber(); break;
                        case "words": FuzzTarget.Holds(plan.NextBytes(plan.NextNumber()).Length <= input.Length, "words are within the plan"); break;
                        default: break;
                    }
                }
            }
            catch (StepFailure)
            {
                // As it should be: the launcher ends with a line that says which step.
            }
        }
    }

    private static List<byte[]> Seeds() =>
    [
        .. new[] { "parent\0number\042\0", "words\02\0a\0b\0execute\0", "words\0-1\0", "words\09223372036854775807\0", "number\0x\0", "\0\0", "cut" }.Select(FuzzTarget.Text),
    ];
}
