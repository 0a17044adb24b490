namespace SandboxHost.Sites.Tests;

/// <summary>The rules of the reference's §2.1.</summary>
public sealed class ModuleConfigReaderTests
{
    [TimedFact]
    public void Literals_count()
    {
        var config = ModuleConfigReader.Read(
            "export const config = { s: 's', t: `t`, n: 1.5, m: -2, yes: true, no: !1, yep: !0, none: null, list: ['a', 1, [true]], map: { 'k k': { z: 1 } } }").Config;

        Assert.Equal(["s", "t", "n", "m", "yes", "no", "yep", "none", "list", "map"], config.Keys);
        Assert.Equal("s", config["s"]);
        Assert.Equal("t", config["t"]);
        Assert.Equal(1.5, config["n"]);
        Assert.Equal(-2.0, config["m"]);
        Assert.Equal([true, false, true, null], new[] { config["yes"], config["no"], config["yep"], config["none"] });
        Assert.Equivalent(new object[] { "a", 1.0, new object[] { true } }, config["list"]);
        Assert.Equal(1.0, Assert.IsType<Dictionary<string, object?>>(Assert.IsType<Dictionary<string, object?>>(config["map"])["k k"])["z"]);
    }

    [TimedTheory]
    [InlineData("process.env.PATHS")]
    [InlineData("'/a' + '/b'")]
    [InlineData("`/a${1}`")]
    [InlineData("f()")]
    [InlineData("['/a', b]")]
    [InlineData("['/a', ...b]")]
    [InlineData("['/a',,'/b']")]
    [InlineData("{ a: b }")]
    [InlineData("() => 1")]
    [InlineData("undefined")]
    [InlineData("/x/")]
    public void A_computed_value_is_ignored_and_named(string value)
    {
        var exports = ModuleConfigReader.Read($"export const config = {{ method: 'GET', path: {value} }}");

        Assert.Equal(["method"], exports.Config.Keys);
        Assert.Equal(["path"], exports.Ignored);
    }

    [TimedTheory]
    [InlineData("export const config = { path: '/a' }; export default { config: { path: '/b' }, fetch() {} }")]
    [InlineData("const c = { path: '/a' }; export { c as config }")]
    [InlineData("var c = { path: '/a' }, d = c; export { d as 'config' }")]
    [InlineData("export default { fetch() {}, config: { path: '/a' } }")]
    [InlineData("const c = { path: '/a' }; const d = { config: c, fetch }; export default d")]
    [InlineData("const d = { 'config': { path: '/a' } }; export { d as default }")]
    public void The_config_is_found_where_it_may_stand(string module) => Assert.Equal("/a", ModuleConfigReader.Read(module).Config["path"]);

    [TimedTheory]
    [InlineData("export const config = {}; export default { config: { path: '/b' } }")]
    [InlineData("const config = { path: '/a' }")]
    [InlineData("export default function config() {}")]
    [InlineData("export const config = make({ path: '/a' })")]
    [InlineData("export const config = config")]
    [InlineData("let a = b, b = a; export { a as config }")]
    [InlineData("export default { ['config']: { path: '/a' } }")]
    [InlineData("export default class { static config = { path: '/a' } }")]
    [InlineData("export * from './x'")]
    [InlineData("")]
    public void Where_there_is_no_literal_config_there_is_none(string module) => Assert.Empty(ModuleConfigReader.Read(module).Config);

    [TimedTheory]
    [InlineData("export default () => 1", true, false)]
    [InlineData("export default function () {}", true, false)]
    [InlineData("function f() {} export { f as default }", true, false)]
    [InlineData("export const handler = () => 1", false, true)]
    [InlineData("export function handler() {}", false, true)]
    [InlineData("export async function handler() {}", false, true)]
    [InlineData("export class handler {}", false, true)]
    [InlineData("export let x, handler", false, true)]
    [InlineData("function h() {} export { h as handler, h as default }", true, true)]
    [InlineData("export { handler } from './x'", false, true)]
    [InlineData("function handler() {}", false, false)]
    [InlineData("export const config = { handler: 1 }", false, false)]
    public void Default_and_handler_exports_are_seen(string module, bool hasDefault, bool hasHandler)
    {
        var exports = ModuleConfigReader.Read(module);

        Assert.Equal((hasDefault, hasHandler), (exports.HasDefault, exports.HasHandler));
    }

    [TimedTheory]
    [InlineData("const = 1")]
    [InlineData("export default {")]
    [InlineData("\0")]
    public void What_is_no_module_is_refused(string module) => Assert.ThrowsAny<FormatException>(() => ModuleConfigReader.Read(module));

    [TimedTheory]
    [InlineData("[", "", "]")]
    [InlineData("{a:", "1", "}")]
    [InlineData("(", "1", ")")]
    [InlineData("- ", "1", "")]
    [InlineData("()=>", "1", "")]
    [InlineData("`${", "1", "}`")]
    [InlineData("1?1:", "1", "")]
    [InlineData("1**", "1", "")]
    public void Nesting_that_takes_all_of_the_stack_is_refused(string open, string inner, string close)
    {
        const int Depth = 100_000;
        var module = "export const config = " + string.Concat(Enumerable.Repeat(open, Depth)) + inner + string.Concat(Enumerable.Repeat(close, Depth));

        var mistake = Assert.ThrowsAny<FormatException>(() => ModuleConfigReader.Read(module));

        Assert.Equal("The module is nested too deeply to be read.", mistake.Message);
    }

    [TimedFact]
    public void Nesting_that_the_parser_takes_but_no_config_has_counts_as_computed()
    {
        var exports = ModuleConfigReader.Read($"export const config = {{ path: {new string('[', 200)}{new string(']', 200)} }}");

        Assert.Equal(["path"], exports.Ignored);
    }

    [TimedFact]
    public void A_module_of_many_megabytes_is_read()
    {
        var module = string.Concat(Enumerable.Range(0, 100_000).Select(i => $"var v{i} = [{i}, 'some text that takes room'];\n")) + "export const config = { path: '/a' }";

        Assert.Equal("/a", ModuleConfigReader.Read(module).Config["path"]);
    }
}
