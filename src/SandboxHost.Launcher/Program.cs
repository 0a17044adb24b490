namespace SandboxHost.Launcher;

/// <summary>
/// Reads a plan from standard input and carries it out, step by step, ending in execve. The plan is written by
/// SandboxHost.Isolation (LaunchPlan.cs), comes over a pipe so that no secret touches a disk or a command line, and is
/// trusted. A step that fails ends the program with code 125 and one line on standard error that names it.
/// </summary>
internal static unsafe class Program
{
    private const int Failed = 125;

    private static int Main()
    {
        var error = stackalloc byte[StepFailure.MaxLength];
        try
        {
            var plan = PlanReader.FromStandardInput();
            new Steps(plan).Run();
        }
        catch (StepFailure failure)
        {
            Kernel.Write(2, error, failure.WriteTo(error));
        }

        return Failed;
    }
}
