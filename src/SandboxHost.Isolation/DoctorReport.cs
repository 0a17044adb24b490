using System.Text;

namespace SandboxHost.Isolation;

/// <summary>How well the host can do one thing.</summary>
public enum DoctorStatus
{
    Ok,

    /// <summary>It works, but isolates or limits less than it could.</summary>
    Weaker,

    /// <summary>Workers cannot be isolated without it.</summary>
    Missing,
}

/// <summary>One thing that was looked at.</summary>
/// <param name="Name">What, in a few words.</param>
/// <param name="Found">What was found: a version, a path, a list of files.</param>
/// <param name="Consequence">What follows for the operator.</param>
/// <param name="Remedy">What to install or change; empty when nothing is wrong.</param>
public sealed record DoctorRow(string Name, DoctorStatus Status, string Found, string Consequence, string Remedy = "");

/// <summary>What this host can do for isolation, for <c>sandboxhost doctor</c> and for refusing to start.</summary>
public sealed record DoctorReport(IReadOnlyList<DoctorRow> Rows)
{
    public bool CanIsolate => Rows.All(row => row.Status != DoctorStatus.Missing);

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var row in Rows)
        {
            text.Append($"{row.Status,-8}{row.Name}: {row.Found}. {row.Consequence}");
            text.AppendLine(row.Remedy.Length > 0 ? $" {row.Remedy}" : "");
        }

        return text.ToString();
    }
}
