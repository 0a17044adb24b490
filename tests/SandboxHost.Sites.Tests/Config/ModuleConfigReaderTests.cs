using SandboxHost.Sites.Config;

namespace SandboxHost.Sites.Tests.Config;

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
    [InlineData("exports.config = { path: '/a' }; exports.default = async () => {};")]
    [InlineData("module.exports.config = { path: '/a' }; module.exports.default = async () => {};")]
    [InlineData("module.exports = { default: async () => {}, config: { path: '/a' } };")]
    [InlineData("const config = { path: '/a' }; module.exports = { default: f, config };")]
    [InlineData("const m = { fetch() {}, config: { path: '/a' } }; module.exports = m;")]
    [InlineData("module.exports = async () => {}; module.exports.config = { path: '/a' };")]
    [InlineData("exports.default = exports.config = void 0; exports.config = { path: '/a' }; exports.default = f;")]
    [InlineData("module.exports = exports = f; exports.config = { path: '/a' };")]
    [InlineData("exports.default = { fetch() {}, config: { path: '/a' } };")]
    [InlineData("'use strict'; if (x) return; var o = 017; exports.config = { path: '/a' }; exports.default = f;")]
    public void A_common_js_module_has_config_too(string module)
    {
        var exports = ModuleConfigReader.Read(module);

        Assert.Equal("/a", exports.Config["path"]);
        Assert.Equal((true, false), (exports.HasDefault, exports.HasHandler));
    }

    [TimedTheory]
    [InlineData("exports.handler = async () => {}")]
    [InlineData("module.exports.handler = async () => {}")]
    [InlineData("module.exports = { handler: async () => {} }")]
    [InlineData("const handler = async () => {}; module.exports = { handler }")]
    public void A_common_js_handler_is_seen(string module) => Assert.True(ModuleConfigReader.Read(module).HasHandler);

    [TimedTheory]
    [InlineData("other.exports = { handler: 1 }")]
    [InlineData("module.exports[handler] = 1")]
    [InlineData("module.handler = 1")]
    [InlineData("exports = { handler: 1 }")]
    public void What_only_looks_like_an_export_is_none(string module) => Assert.False(ModuleConfigReader.Read(module).HasHandler);

    [TimedTheory]
    [InlineData("import { schedule } from '@netlify/functions'; export const handler = schedule('@hourly', async () => {})")]
    [InlineData("import { schedule as every } from '@netlify/functions'; export const handler = every('@hourly', h)")]
    [InlineData("import { schedule } from '@netlify/functions'; const handler = schedule('@hourly', h); export { handler }")]
    [InlineData("import { schedule } from '@netlify/functions'; const h = schedule('@hourly', f); export { h as handler }")]
    [InlineData("import { schedule } from '@netlify/functions'; const SCHEDULE = '@hourly'; export const handler = schedule(SCHEDULE, h)")]
    [InlineData("import { schedule } from '@netlify/functions'; export const handler = schedule(`@hourly`, h)")]
    [InlineData("import * as nf from '@netlify/functions'; export const handler = nf.schedule('@hourly', h)")]
    [InlineData("import nf from '@netlify/functions'; export const handler = nf.schedule('@hourly', h)")]
    [InlineData("const { schedule } = require('@netlify/functions'); exports.handler = schedule('@hourly', h)")]
    [InlineData("const { schedule: every } = require('@netlify/functions'); module.exports.handler = every('@hourly', h)")]
    [InlineData("const nf = require('@netlify/functions'); module.exports = { handler: nf.schedule('@hourly', h) }")]
    [InlineData("exports.handler = require('@netlify/functions').schedule('@hourly', h)")]
    public void The_schedule_helper_says_when(string module) => Assert.Equal("@hourly", ModuleConfigReader.Read(module).Schedule);

    [TimedTheory]
    [InlineData("import { schedule } from 'elsewhere'; export const handler = schedule('@hourly', h)")]
    [InlineData("import { builder } from '@netlify/functions'; export const handler = builder(h)")]
    [InlineData("import { stream } from '@netlify/functions'; export const handler = stream(h)")]
    [InlineData("import { schedule } from '@netlify/functions'; export default async () => {}")]
    public void Without_the_helper_on_the_handler_there_is_no_schedule(string module) => Assert.Null(ModuleConfigReader.Read(module).Schedule);

    [TimedTheory]
    [InlineData("import { schedule } from '@netlify/functions'; export const handler = async () => {}", "not made by it")]
    [InlineData("import { schedule } from '@netlify/functions'; import { when } from './when'; export const handler = schedule(when, h)", "has to be a text")]
    [InlineData("import { schedule } from '@netlify/functions'; export const handler = schedule()", "has to be a text")]
    public void A_schedule_that_cannot_be_read_is_a_mistake(string module, string rule) =>
        Assert.Contains(rule, Assert.Throws<FormatException>(() => ModuleConfigReader.Read(module)).Message);

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
