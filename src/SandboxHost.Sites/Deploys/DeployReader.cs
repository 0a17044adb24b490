using System.Text;
using SandboxHost.Deployments;
using SandboxHost.Egress;
using SandboxHost.Events;
using SandboxHost.Routing;
using SandboxHost.Sites.Config;
using SandboxHost.Sites.Rules;
using SandboxHost.Sites.Settings;

namespace SandboxHost.Sites.Deploys;

/// <summary>What the operator says of all sites.</summary>
/// <param name="Limits">The sites' settings are laid over them.</param>
/// <param name="EgressAllow">Private addresses that functions may reach: see <see cref="EgressRules.AllowedPrivate"/>.</param>
public sealed record OperatorRules(FunctionLimits Limits, IReadOnlyList<string> EgressAllow);

/// <summary>
/// From a deploy's directory to a site that can be served. Everything in it came from outside and is checked here, with the
/// readers that check a site folder.
/// </summary>
internal sealed class DeployReader(OperatorRules rules)
{
    private const long MaxSettingsBytes = 1 << 20;

    public DeployReading Read(string directory, DeployPlace place)
    {
        var (mistakes, warnings) = (new List<string>(), new List<string>());
        try
        {
            var site = Read(directory, place, mistakes, warnings);
            return new DeployReading(mistakes.Count > 0 ? null : site, mistakes, warnings);
        }
        catch (Exception ex) when (ex is FormatException or IOException or UnauthorizedAccessException)
        {
            return new DeployReading(null, [.. mistakes, ex.Message], warnings);
        }
    }

    private SiteSnapshot Read(string directory, DeployPlace place, List<string> mistakes, List<string> warnings)
    {
        var context = new DeployContext(place.Deploy.Context, place.Deploy.Branch);
        var manifest = DeployManifest.Read(Path.Combine(directory, DeployLayout.Manifest));
        var settings = SiteSettings.Parse(TextOf(directory, SiteSettings.FileName), warnings);
        var netlify = NetlifyToml.Parse(TextOf(directory, NetlifyToml.FileName), context, mistakes);
        if (settings.Egress.AllowedPrivate.Count > 0)
        {
            warnings.Add($"{SiteSettings.FileName}: [egress] allow holds on a developer's machine only");
        }

        var environment = EnvironmentOf(manifest, settings, place, warnings);
        var publish = Path.Combine(directory, DeployLayout.Publish);
        var siteRules = SiteRules.Read(new RuleSources(directory, publish, netlify?.Root, environment), warnings.Add);
        var egress = new EgressPolicy(settings.Egress with { AllowedPrivate = rules.EgressAllow });
        var reading = new FunctionReading(directory, place, settings, egress, environment);
        var functions = manifest.Functions
            .OrderBy(function => function.Name, StringComparer.Ordinal)
            .Select(function => VersionOf(function, reading, mistakes, warnings)).OfType<FunctionVersion>().ToList();
        if (functions.Select(function => function.Name).Distinct(StringComparer.Ordinal).Count() < functions.Count)
        {
            throw new FormatException($"{DeployLayout.Manifest} has two functions of one name.");
        }

        return new SiteSnapshot
        {
            Identity = place.Identity,
            DeployId = place.Deploy.Id,
            WasPublished = place.Deploy.PublishedAt is not null,
            HostNames = place.HostNames,
            Functions = functions,
            Routes = new RouteTable(functions),
            EventSecret = settings.EventSecret,
            Geo = GeoLocation.Unknown,
            Files = Directory.Exists(publish) ? new PublishedFiles(publish, [RedirectsFile.Name, HeadersFile.Name]) : null,
            Redirects = siteRules.Redirects,
            Headers = siteRules.Headers,
            RoleTokens = siteRules.RoleTokens,
            Egress = egress,
        };
    }

    private FunctionVersion? VersionOf(ManifestFunction function, FunctionReading reading, List<string> mistakes, List<string> warnings)
    {
        if (!FunctionName.IsLegal(function.Name))
        {
            throw new FormatException($"{DeployLayout.Manifest} has a function with a name that no function can have.");
        }

        var directory = Path.Combine(reading.Directory, DeployLayout.Functions, function.Name);
        if (!DeployFileList.IsPath(function.Entry) || !File.Exists(Path.Combine(directory, function.Entry)))
        {
            mistakes.Add($"{function.Name}: its entry is none of its files.");
            return null;
        }

        var before = mistakes.Count;
        void Mistake(string property, string rule) => mistakes.Add($"{function.Name}: '{property}': {rule}");
        var config = FunctionConfigReader.Read(
            function.Config, directory, new ConfigFindings(Mistake, (property, rule) => warnings.Add($"{function.Name}: config.{property} is ignored: {rule}"))) with
        {
            Events = [.. function.Events.Where(slug => PlatformEvent.Find(slug)?.Slug == slug)],
        };
        foreach (var (property, rule) in config.ConflictsOf(function.Name))
        {
            Mistake(property, rule);
        }

        var kind = config.KindOf(function.Name);
        var limits = config.LimitsOver(reading.Settings.LimitsFor(function.Name, rules.Limits), kind);
        var bytes = new DirectoryInfo(directory).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);
        if (bytes > limits.BundleBytes)
        {
            mistakes.Add($"{function.Name}: its files have {bytes} bytes; the limit bundle_size allows {limits.BundleBytes}.");
        }

        return mistakes.Count > before ? null : new FunctionVersion
        {
            Site = reading.Place.Identity,
            Deploy = new DeployIdentity(reading.Place.Deploy.Id, reading.Place.Deploy.Context, reading.Place.IsPublished, reading.Place.Deploy.Branch),
            Name = function.Name,
            Runtime = "node",
            Kind = kind,
            ArtifactDirectory = directory,
            Entry = function.Entry,
            Routes = config.Routes,
            ExcludedPaths = config.ExcludedPaths,
            PreferStatic = config.PreferStatic ?? false,
            RateLimit = config.RateLimit,
            Region = config.Region,
            Events = config.Events,
            Schedule = config.Schedule,
            Environment = reading.Environment,
            Egress = reading.Egress,
            Limits = limits,
            Geo = GeoLocation.Unknown,
            ShowErrors = false,
        };
    }

    // What the platform sets for deployed functions (reference §3.8), under the site's own.
    private static Dictionary<string, string> EnvironmentOf(DeployManifest manifest, SiteSettings settings, DeployPlace place, List<string> warnings)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["SITE_ID"] = place.Identity.Id,
            ["SITE_NAME"] = place.Identity.Name,
            ["URL"] = place.Identity.Url,
        };
        VariableLayer[] layers = [new(SiteSettings.FileName, settings.Environment), new(DeployLayout.Manifest, manifest.Environment)];
        foreach (var (name, value) in SiteEnvironment.Merge(layers, new Dictionary<string, string>(), warnings))
        {
            environment[name] = value;
        }

        return environment;
    }

    private static string TextOf(string directory, string name)
    {
        var file = new FileInfo(Path.Combine(directory, name));
        return !file.Exists ? ""
            : file.Length <= MaxSettingsBytes ? File.ReadAllText(file.FullName, Encoding.UTF8)
            : throw new FormatException($"{name} has more than {MaxSettingsBytes} bytes.");
    }

    private sealed record FunctionReading(string Directory, DeployPlace Place, SiteSettings Settings, EgressPolicy Egress, IReadOnlyDictionary<string, string> Environment);
}
