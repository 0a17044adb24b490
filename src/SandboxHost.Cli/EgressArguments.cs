using System.CommandLine;
using System.Globalization;
using System.Net;
using SandboxHost.Isolation;
using SandboxHost.Sites.Config;

namespace SandboxHost.Cli;

/// <summary>What an operator says about the ways out of sandboxes (docs/egress.md).</summary>
internal static class EgressArguments
{
    public static readonly Option<string[]> Allow = new("--egress-allow")
    {
        Description = "HOST:PORT or a network: a private address that functions may reach. May be given more than once.",
    };

    public static readonly Option<string[]> Limits = new("--egress-limit")
    {
        Description = "NAME=VALUE: how much goes out: connections, rate, bytes, lookup-rate or lookups. May be given more than once.",
    };

    public static readonly Option<string[]> HostAddress = new("--host-address")
    {
        Description = "An address of this machine that none of its interfaces has, such as the public one behind NAT; functions do not reach it. May be given more than once.",
    };

    public static IEnumerable<Option> All => [Allow, Limits, HostAddress];

    /// <param name="limits">Each NAME=VALUE, by the names that logs and docs/egress.md have. The last one of a name holds.</param>
    /// <param name="hostAddresses">IP addresses.</param>
    /// <param name="mistakes">Takes one sentence for each text that can't be read.</param>
    public static EgressOptions Read(IEnumerable<string> limits, IEnumerable<string> hostAddresses, List<string> mistakes)
    {
        var read = HostArguments.ReadSettings(Limits, limits, new EgressLimits(), Set, RuleOf, mistakes);
        var further = new List<IPAddress>();
        foreach (var text in hostAddresses)
        {
            if (IPAddress.TryParse(text, out var address))
            {
                further.Add(address);
            }
            else
            {
                mistakes.Add($"--host-address {text}: not an IP address");
            }
        }

        return new EgressOptions { Limits = read, FurtherHostAddresses = further };
    }

    // What is allowed after a rest keeps its proportion to the rate.
    private static EgressLimits? Set(EgressLimits limits, string name, string value) => name switch
    {
        "connections" when Count(value, 10_000) is { } count => limits with { MaxConnections = count },
        "rate" when Count(value, 100_000) is { } count => limits with { ConnectionsPerSecond = count, ConnectionBurst = count * 10 },
        "bytes" when LimitsReader.ReadSize(value) is { } size and > 0 and <= 1L << 40 => limits with { BytesPerSecond = size, ByteBurst = size * 16 },
        "lookup-rate" when Count(value, 10_000) is { } count => limits with { LookupsPerSecond = count, LookupBurst = count * 10 },
        "lookups" when Count(value, 1000) is { } count => limits with { MaxLookups = count },
        _ => null,
    };

    private static string RuleOf(string name) => name switch
    {
        "connections" => "a number of connections of a worker at a time, 1 to 10000",
        "rate" => "a number of new connections of a site a second, 1 to 100000",
        "bytes" => "a size that a site moves a second, such as '32mb', up to 1tb",
        "lookup-rate" => "a number of names of a site a second, 1 to 10000",
        "lookups" => "a number of names of a site at a time, 1 to 1000",
        _ => $"there is no limit {name}, but connections, rate, bytes, lookup-rate and lookups",
    };

    private static int? Count(string text, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count >= 1 && count <= most ? count : null;
}
