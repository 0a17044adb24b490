using SandboxHost.Egress;
using SandboxHost.Sandboxes;
using Tomlyn.Model;

namespace SandboxHost.Sites.Settings;

/// <summary>
/// Reads [egress] of sandboxhost.toml. What says how far functions reach is not left out when it is wrong, as other
/// settings are: they then reach nothing until it is right.
/// </summary>
internal static class EgressReader
{
    private const int MaxNames = 1000, MaxPorts = 16, MailPort = 25, NameServerPort = 53;

    public static readonly EgressRules Closed = new() { Mode = EgressMode.None };

    /// <param name="mistake">Takes a key and what is wrong with it.</param>
    public static EgressRules Read(TomlTable table, Action<string, string> mistake)
    {
        var rules = new EgressRules();
        var isSafe = true;
        void Wrong(string key, string text)
        {
            isSafe = false;
            mistake(key, text);
        }

        foreach (var (key, value) in table)
        {
            switch (key)
            {
                case "policy" when ModeOf(value) is { } mode:
                    rules = rules with { Mode = mode };
                    break;
                case "policy":
                    Wrong(key, $" = '{ValueText.Of(value)}': 'internet', 'none' or 'list'");
                    break;
                case "names":
                    rules = rules with { Names = ReadNames(value, Wrong) };
                    break;
                case "ports":
                    rules = rules with { Ports = ReadPorts(value, mistake) };
                    break;
                case "allow":
                    rules = rules with { AllowedPrivate = ReadAllowed(value, mistake) };
                    break;
                default:
                    Wrong(key, " is not known here; known are policy, names, ports and allow");
                    break;
            }
        }

        if (isSafe && (rules.Mode == EgressMode.List) != (rules.Names.Count > 0))
        {
            Wrong("names", rules.Mode == EgressMode.List ? ": policy = 'list' wants some" : ": only with policy = 'list'");
        }

        return isSafe ? rules : Closed with { AllowedPrivate = rules.AllowedPrivate };
    }

    private static EgressMode? ModeOf(object? value) => value switch
    {
        "internet" => EgressMode.Internet,
        "none" => EgressMode.None,
        "list" => EgressMode.List,
        _ => null,
    };

    private static IReadOnlyList<string> ReadNames(object? value, Action<string, string> wrong)
    {
        const string Rule = "names such as 'example.com', '*.example.com' or 'example.com:443'";
        if (value is not TomlArray { Count: <= MaxNames } list || list.Any(item => item is not string))
        {
            wrong("names", $" = '{ValueText.Of(value)}': up to {MaxNames} {Rule}");
            return [];
        }

        foreach (var name in list.OfType<string>().Where(name => EgressName.Parse(name) is null))
        {
            wrong("names", $" has '{name}': {Rule}");
        }

        return [.. list.OfType<string>()];
    }

    private static IReadOnlyList<int> ReadPorts(object? value, Action<string, string> mistake)
    {
        if (value is TomlArray { Count: <= MaxPorts } list && list.All(item => item is long and > 0 and <= ushort.MaxValue and not (MailPort or NameServerPort)))
        {
            return [.. list.OfType<long>().Select(port => (int)port)];
        }

        mistake("ports", $" = '{ValueText.Of(value)}': up to {MaxPorts} whole numbers from 1 to 65535, and not {MailPort} or {NameServerPort}");
        return [];
    }

    private static IReadOnlyList<string> ReadAllowed(object? value, Action<string, string> mistake)
    {
        if (value is not TomlArray list || list.Any(item => item is not string))
        {
            mistake("allow", $" = '{ValueText.Of(value)}': a list of texts such as '127.0.0.1:5432'");
            return [];
        }

        return [.. list.OfType<string>().Where(entry => IsReadable(entry, mistake))];
    }

    private static bool IsReadable(string entry, Action<string, string> mistake)
    {
        try
        {
            _ = new EgressPolicy(new EgressRules { AllowedPrivate = [entry] });
            return true;
        }
        catch (SandboxException)
        {
            mistake("allow", $" has '{entry}': an address, address:port or network/length, such as '127.0.0.1:5432'");
            return false;
        }
    }
}
