using SandboxHost.Deployments;
using SandboxHost.Egress;
using SandboxHost.Sites.Config;
using Tomlyn;
using Tomlyn.Model;

namespace SandboxHost.Sites.Settings;

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

    /// <summary>Of a file that is no TOML: it may have said that functions reach nothing outside, so they don't.</summary>
    public static readonly SiteSettings Unreadable = new() { Egress = EgressReader.Closed };

    /// <summary>HMAC-SHA256 wants a key as long as its result (RFC 7518 §3.2).</summary>
    private const int MinSecretLength = 32;

    private readonly Dictionary<string, TomlTable> _functions = new(StringComparer.Ordinal);
    private TomlTable? _limits;

    public IReadOnlyDictionary<string, string> Environment { get; private set; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>What functions may reach outside. Its private addresses are only honoured on a developer's machine.</summary>
    public EgressRules Egress { get; private set; } = new();

    /// <summary>What platform events from outside are signed with; null: none are taken.</summary>
    public string? EventSecret { get; private set; }

    /// <summary>Reads the text of a settings file. Every mistake is reported, with file, key, value and rule.</summary>
    public static SiteSettings Parse(string text, ICollection<string> mistakes)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(mistakes);
        try
        {
            var root = TomlText.Read(text);
            var settings = new SiteSettings();
            settings.Load(root, new Lazy<TomlLines>(() => new TomlLines(text)), mistakes);
            return settings;
        }
        catch (TomlException ex)
        {
            mistakes.Add($"{FileName}: {ex.Message}");
            return Unreadable;
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

    private void Load(TomlTable root, Lazy<TomlLines> lines, ICollection<string> mistakes)
    {
        void Mistake(string text) => mistakes.Add($"{FileName}: {text}");
        foreach (var (key, value) in root)
        {
            switch (key, value)
            {
                case ("limits", TomlTable limits):
                    _limits = limits;
                    LimitsReader.Read(limits, FunctionLimits.Default, "limits", Mistake);
                    break;
                case ("functions", TomlTable functions):
                    LoadFunctions(functions, Mistake);
                    break;
                case ("environment", TomlTable environment):
                    LoadEnvironment(environment, Mistake);
                    break;
                case ("egress", TomlTable egress):
                    Egress = EgressReader.Read(egress, (name, text) => mistakes.Add($"{FileName}:{lines.Value.Of("egress", name)}: egress.{name}{text}"));
                    break;
                case ("egress", _):
                    Egress = EgressReader.Closed;
                    Mistake($"egress = '{ValueText.Of(value)}': a table, [egress]");
                    break;
                case ("events", TomlTable events):
                    LoadEvents(events, Mistake);
                    break;
                default:
                    Mistake($"'{key}' is not known here; known are [limits], [functions.NAME.limits], [environment], [egress] and [events] secret");
                    break;
            }
        }
    }

    private void LoadFunctions(TomlTable functions, Action<string> mistake)
    {
        foreach (var (name, value) in functions)
        {
            if (value is not TomlTable table || !table.TryGetValue("limits", out var own) || own is not TomlTable limits)
            {
                mistake($"functions.{name} holds no [limits]");
                continue;
            }

            _functions[name] = limits;
            LimitsReader.Read(limits, FunctionLimits.Default, $"functions.{name}.limits", mistake);
            foreach (var key in table.Keys.Where(key => key != "limits"))
            {
                mistake($"functions.{name}.{key} is not known here; known is [functions.{name}.limits]");
            }
        }
    }

    private void LoadEnvironment(TomlTable environment, Action<string> mistake)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in environment)
        {
            if (value is string or long or double or bool)
            {
                variables[name] = ValueText.Of(value);
            }
            else
            {
                mistake($"environment.{name} = '{ValueText.Of(value)}': a text, a number, or true or false");
            }
        }

        Environment = variables;
    }

    // The value is left out of the message: it would be in logs.
    private void LoadEvents(TomlTable events, Action<string> mistake)
    {
        foreach (var (key, value) in events)
        {
            if (key != "secret")
            {
                mistake($"events.{key} is not known here; known is secret");
            }
            else if (value is string { Length: >= MinSecretLength } secret)
            {
                EventSecret = secret;
            }
            else
            {
                mistake($"events.secret: a text of {MinSecretLength} characters or more");
            }
        }
    }
}
