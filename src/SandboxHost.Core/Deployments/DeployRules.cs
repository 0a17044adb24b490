namespace SandboxHost.Deployments;

/// <summary>What may be asked of sites and deploys.</summary>
internal static class DeployRules
{
    private const int MaxTitle = 1000;
    private const int MaxContext = 63;

    /// <returns>What is wrong; null when nothing is.</returns>
    public static string? RuleAgainst(DeployRequest request, DeployLimits limits) =>
        request.Alias is { } alias && (!SiteName.IsLegal(alias) || (alias.Length == 24 && alias.All(char.IsAsciiHexDigitLower)))
            ? $"'{alias}' can't be an alias: {SiteName.Rule}, and not a deploy's id."
        : request.Title.Length > MaxTitle ? $"The title has more than {MaxTitle} characters."
        : request.Context.Length is 0 or > MaxContext || request.Context.Any(char.IsControl) ? $"The context is a name of 1 to {MaxContext} characters."
        : request.Context == "dev" ? "The context dev is a developer's machine's."
        : request.Branch.Length > MaxTitle ? $"The branch has more than {MaxTitle} characters."
        : DeployFileList.RuleAgainst(request.Files, limits);

    /// <summary>Host names as they are kept: in lower case, each once.</summary>
    /// <param name="site">Whose they are to be; null: a new site's.</param>
    /// <exception cref="DeployRefusedException">One is no name, or another's.</exception>
    public static List<string> ReadDomains(IReadOnlyList<string> domains, Site? site, IReadOnlyList<Site> sites, DeployAddresses addresses)
    {
        var names = new List<string>();
        foreach (var domain in domains)
        {
            var name = domain.ToLowerInvariant().TrimEnd('.');
            if (Uri.CheckHostName(name) is not UriHostNameType.Dns || !name.Contains('.', StringComparison.Ordinal))
            {
                throw new DeployRefusedException(DeployRefusal.Invalid, $"'{domain}' is no host name.");
            }

            if (name == addresses.Public.IdnHost || name.EndsWith($".{addresses.Public.IdnHost}", StringComparison.Ordinal))
            {
                throw new DeployRefusedException(DeployRefusal.Invalid, $"'{domain}' is one of the names that the host gives out itself.");
            }

            if (sites.FirstOrDefault(other => other.Id != site?.Id && other.Domains.Contains(name)) is { } owner)
            {
                throw new DeployRefusedException(DeployRefusal.Taken, $"'{domain}' belongs to the site {owner.Name}.");
            }

            names.Add(name);
        }

        return [.. names.Distinct()];
    }
}
