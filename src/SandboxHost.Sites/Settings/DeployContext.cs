namespace SandboxHost.Sites.Settings;

/// <summary>Which of the [context.NAME] sections of a netlify.toml hold.</summary>
/// <param name="Name">"dev", "production", "deploy-preview", "branch-deploy", or a name of the site's own.</param>
/// <param name="Branch">The git branch; empty when there is none.</param>
public sealed record DeployContext(string Name, string Branch)
{
    public const string Dev = "dev";
    private const string BranchPrefix = "branch:";

    /// <summary>Reads what --context takes: a name, one of Netlify's short names, or branch:NAME.</summary>
    /// <param name="branch">The branch that is checked out, when the text names none.</param>
    public static DeployContext Parse(string text, string branch)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text switch
        {
            "prod" => new DeployContext("production", branch),
            "dp" => new DeployContext("deploy-preview", branch),
            _ when text.StartsWith(BranchPrefix, StringComparison.Ordinal) => new DeployContext("branch-deploy", text[BranchPrefix.Length..]),
            _ => new DeployContext(text, branch),
        };
    }

    /// <summary>
    /// The sections that hold, weaker first: the context's, then the branch's. A section that ends with * holds for every
    /// name that begins so, when there is none of exactly that name.
    /// </summary>
    public IEnumerable<string> SectionsAmong(IReadOnlyCollection<string> sections) =>
        new[] { Name, Branch }.Where(key => key.Length > 0).SelectMany(key => sections.Contains(key)
            ? [key]
            : sections.Where(section => section.EndsWith('*') && key.StartsWith(section[..^1], StringComparison.Ordinal)));
}
