namespace SandboxHost.Runs;

/// <summary>Request headers by which a function learns of the run that it is part of. Outside requests can't set them.</summary>
public static class RunHeaders
{
    /// <summary>The number of the attempt, from 1. The run itself is named by <c>context.requestId</c>, the same at every attempt.</summary>
    public const string Attempt = "x-sandboxhost-attempt";
}
