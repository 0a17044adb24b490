using System.CommandLine;

namespace SandboxHost.Cli.Dev;

/// <summary>
/// Options of `netlify dev` that have nothing to do here: some are taken without effect, because what they ask for is so
/// anyway; the others are refused with what to do instead.
/// </summary>
internal static class NetlifyOptions
{
    private static readonly (Option Option, string Instead)[] Refused =
    [
        (Text("--live", "-l"), "there is no tunnel to the outside; --address 0.0.0.0 serves your network"),
        (Text("--command", "-c"), "no other server is started; run your framework's own beside this one"),
        (Text("--framework"), "no framework is started; run its server beside this one"),
        (Text("--target-port"), "no other server stands behind this one"),
        (Text("--functions-port"), "functions and files answer at the same port: --port"),
        (Text("--edge-inspect"), "there are no edge functions; --inspect attaches a debugger to functions"),
        (Text("--edge-inspect-brk"), "there are no edge functions; --inspect attaches a debugger to functions"),
    ];

    private static readonly Option[] WithoutEffect =
    [
        new Option<bool>("--offline", "-o") { Description = "No effect: the host never asks anybody. Taken for users of netlify dev." },
        new Option<bool>("--no-open") { Description = "No effect: no browser is opened. Taken for users of netlify dev." },
        new Option<bool>("--skip-gitignore") { Description = "No effect: .gitignore is never written. Taken for users of netlify dev." },
    ];

    public static IEnumerable<Option> All => Refused.Select(row => row.Option).Concat(WithoutEffect);

    public static IEnumerable<string> Mistakes(ParseResult arguments) =>
        from row in Refused
        where arguments.GetResult(row.Option) is not null
        select $"{row.Option.Name} of netlify dev is not here: {row.Instead}";

    private static Option<string?> Text(string name, params string[] aliases) =>
        new(name, aliases) { Hidden = true, Arity = ArgumentArity.ZeroOrOne };
}
