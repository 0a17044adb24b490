using System.Xml.Linq;

namespace SandboxHost.Architecture.Tests;

/// <summary>Who may know whom. Core knows nobody; only Server knows everybody.</summary>
public sealed class ProjectRules
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Core"] = [],
        ["Protocol"] = [],
        ["Launcher"] = [],
        ["Gateway"] = ["Core"],
        ["Sites"] = ["Core"],
        ["Isolation"] = ["Core"],
        ["Supervisor"] = ["Core", "Protocol"],
        ["Server"] = ["Core", "Protocol", "Gateway", "Sites", "Isolation", "Supervisor"],
        ["Cli"] = ["Server"],
    };

    public static TheoryData<string> Projects =>
        [.. Directory.EnumerateFiles(Repository.PathOf("src"), "*.csproj", SearchOption.AllDirectories).Select(file => Path.GetFileNameWithoutExtension(file)).Order()];

    [TimedTheory]
    [MemberData(nameof(Projects))]
    public void A_project_refers_only_to_those_it_may(string project)
    {
        var name = project["SandboxHost.".Length..];
        Assert.True(Allowed.TryGetValue(name, out var allowed), $"{project} is new: say here what it may refer to, and why it is a project.");

        Assert.Subset(allowed.ToHashSet(), References(project, "ProjectReference").Select(path => Path.GetFileNameWithoutExtension(path)["SandboxHost.".Length..]).ToHashSet());
    }

    [TimedFact]
    public void Core_is_plain_dotnet_and_cron_arithmetic()
    {
        Assert.Equal(["Cronos"], References("SandboxHost.Core", "PackageReference"));
        Assert.Empty(References("SandboxHost.Core", "FrameworkReference"));
    }

    [TimedFact]
    public void A_version_stands_in_one_place_only() =>
        Assert.Empty(
            from file in Directory.EnumerateFiles(Repository.Root, "*.csproj", SearchOption.AllDirectories)
            from reference in XDocument.Load(file).Descendants("PackageReference")
            where reference.Attribute("Version") is not null || reference.Attribute("VersionOverride") is not null
            select $"{Path.GetFileName(file)}: {reference}");

    private static IEnumerable<string> References(string project, string kind) =>
        XDocument.Load(Repository.PathOf($"src/{project}/{project}.csproj")).Descendants(kind).Select(reference => reference.Attribute("Include")!.Value.Replace('\\', '/'));
}
