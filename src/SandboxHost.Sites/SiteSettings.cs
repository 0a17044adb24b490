using System.Globalization;
using SandboxHost.Deployments;
using Tomlyn;
using Tomlyn.Model;

namespace SandboxHost.Sites;

/// <summary>
/// What sandboxhost.toml says: limits for the site and for single functions, the environment, where functions lie. The
/// same file, given to the host, sets the host's own limits.
/// </summary>
/// <remarks>
/// <code>
/// [limits]
/// streaming_time = "30s"
/// request_size = "100mb"
///
/// [functions.upload.limits]
/// request_size = "2gb"
///
/// [environment]
/// GREETING = "hello"
/// </code>
/// </remarks>
public sealed class SiteSettings
{
    public const string FileName = "sandboxhost.toml";

    public static readonly SiteSettings Empty = new();

    private readonly Dictionary<string, TomlTable> _functions = new(StringComparer.Ordinal);
    private TomlTable? _limits;

    public IReadOnlyDictionary<string, string> Environment { get; private set; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Private addresses that functions may reach, as host:port; only honoured on a developer's machine.</summary>
    public IReadOnlyList<string> EgressAllow { get; private set; } = [];

    /// <summary>Reads a settings file. Every mistake is reported, with file, key, value and rule.</summary>
    public static SiteSettings Read(string path, ICollection<string> mistakes)
    {
        ArgumentNullException.ThrowIfNull(mistakes);
        if (!File.Exists(path))
        {
            return Empty;
        }

        var name = Path.GetFileName(path);
        try
        {
            var root = TomlSerializer.Deserialize<TomlTable>(File.ReadAllText(path)) ?? new TomlTable();
            var settings = new SiteSettings();
            settings.Load(root, mistake => mistakes.Add($"{name}: {mistake}"));
            return settings;
        }
        catch (TomlException ex)
        {
            mistakes.Add($"{name}: {ex.Message}");
            return Empty;
        }
    }

    /// <summary>The site's limits laid over the host's, and the function's over both.</summary>
    public FunctionLimits LimitsFor(string functionName, FunctionLimits hostLimits)
    {
        var limits = LimitsReader.Read(_limits, hostLimits, "limits", _ => { });
        return _functions.TryGetValue(functionName, out var own)
            ? LimitsReader.Read(own, limits, functionName, _ => { })
            : limits;
    }

    private void Load(TomlTable root, Action<string> mistake)
    {
        foreach (var (key, value) in root)
        {
            switch (key, value)
            {
                case ("limits", TomlTable limits):
                    _limits = limits;
                    LimitsReader.Read(limits, FunctionLimits.Default, "limits", mistake);
                    break;
                case ("functions", TomlTable functions):
                    LoadFunctions(functions, mistake);
                    break;
                case ("environment", TomlTable environment):
                    Environment = environment.ToDictionary(
                        item => item.Key, item => Convert.ToString(item.Value, CultureInfo.InvariantCulture) ?? "", StringComparer.Ordinal);
                    break;
                case ("egress", TomlTable egress) when egress.TryGetValue("allow", out var allow) && allow is TomlArray list:
                    EgressAllow = [.. list.OfType<string>()];
                    break;
                default:
                    mistake($"'{key}' is not known here; known are [limits], [functions.NAME.limits], [environment] and [egress] allow");
                    break;
            }
        }
    }

    private void LoadFunctions(TomlTable functions, Action<string> mistake)
    {
        foreach (var (name, value) in functions)
        {
            if (value is TomlTable table && table.TryGetValue("limits", out var own) && own is TomlTable limits)
            {
                _functions[name] = limits;
                LimitsReader.Read(limits, FunctionLimits.Default, $"functions.{name}.limits", mistake);
            }
            else
            {
                mistake($"functions.{name} holds no [limits]");
            }
        }
    }
}
