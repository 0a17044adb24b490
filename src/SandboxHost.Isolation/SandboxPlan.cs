using System.Text;

namespace SandboxHost.Isolation;

/// <summary>One step of a launch, as the launcher program understands it: a verb and its words.</summary>
internal sealed record PlanStep(string Verb, IReadOnlyList<string> Words)
{
    public override string ToString() => Words.Count == 0 ? Verb : Verb + " " + string.Join(' ', Words);
}

/// <summary>
/// Everything that happens between the host's decision to start a worker and the worker's first instruction, in order.
/// Sent to the launcher as it is, and printable for people.
/// </summary>
internal sealed record SandboxPlan(IReadOnlyList<PlanStep> Steps)
{
    /// <summary>The plan as NUL-terminated words. Contains the worker's environment: never logged, never on disk.</summary>
    public byte[] ToBytes()
    {
        using var bytes = new MemoryStream();
        foreach (var word in Steps.SelectMany(step => step.Words.Prepend(step.Verb)))
        {
            if (word.Contains('\0'))
            {
                throw new Sandboxes.SandboxException("plan: an argument or environment variable contains a NUL character");
            }

            bytes.Write(Encoding.UTF8.GetBytes(word));
            bytes.WriteByte(0);
        }

        return bytes.ToArray();
    }

    /// <summary>For people: one step a line, values of environment variables left out.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var step in Steps)
        {
            text.AppendLine(step.Verb == SandboxPlanner.ArgumentsStep ? Printable(step) : step.ToString());
        }

        return text.ToString();
    }

    private static string Printable(PlanStep step)
    {
        var text = new StringBuilder(step.Verb);
        for (var i = 0; i < step.Words.Count; i++)
        {
            var word = step.Words[i];
            text.Append(word.StartsWith("--", StringComparison.Ordinal) ? "\n    " : " ").Append(word);
            if (word == "--setenv")
            {
                text.Append(' ').Append(step.Words[i + 1]).Append(" ***");
                i += 2;
            }
        }

        return text.ToString();
    }
}
