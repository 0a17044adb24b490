using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using SandboxHost.Deployments;
using SandboxHost.Sites.Bundles;
using SandboxHost.Sites.Settings;

namespace SandboxHost.Sites.Tests.Bundles;

/// <summary>What a site folder makes for a debugger.</summary>
public sealed partial class DebuggableModuleTests : IDisposable
{
    private readonly TempFolder _site = new();

    public void Dispose() => _site.Dispose();

    [TimedFact]
    public async Task A_module_carries_its_sources_by_absolute_URL_and_text_and_says_where_it_lies()
    {
        const string Source = "import { a } from '../../lib/größe.ts';\nexport default (): Response => new Response(a);\n";
        _site.Write("netlify/functions/hello.ts", Source);
        _site.Write("lib/größe.ts", "export const a: string = 'x';\n");

        var (function, module) = await BuildAsync(debuggable: true);
        var comments = Comment().Matches(module);
        var map = JsonDocument.Parse(Convert.FromBase64String(comments.Last(comment => comment.Groups["name"].Value == "sourceMappingURL").Groups["value"].Value.Split(',')[1])).RootElement;
        var sources = map.GetProperty("sources").EnumerateArray().Select(source => new Uri(source.GetString()!).LocalPath).ToList();

        Assert.Equal([_site.File("lib/größe.ts"), _site.File("netlify/functions/hello.ts")], sources);
        Assert.Equal(Source, map.GetProperty("sourcesContent")[1].GetString());
        Assert.Equal(new Uri(Path.Combine(function.ArtifactDirectory, function.Entry)).AbsoluteUri, comments[^1].Groups["value"].Value);
    }

    [TimedFact]
    public async Task Debugging_takes_time_and_one_worker()
    {
        _site.Write("netlify/functions/hello.ts", "export default () => new Response();");
        _site.Write(SiteSettings.FileName, "[limits]\nstreaming_time = \"1s\"\nqueue_time = \"1s\"\nmemory = \"512mb\"\n");

        var limits = (await BuildAsync(debuggable: true)).Function.Limits;

        Assert.All(
            [limits.StreamingTime, limits.BufferedTime, limits.BackgroundTime, limits.ScheduledTime, limits.QueueTime],
            time => Assert.True(time >= TimeSpan.FromDays(1)));
        Assert.Equal((1, 512 * FunctionLimits.Megabyte), (limits.MaxWorkers, limits.MemoryBytes));
    }

    [TimedFact]
    public async Task What_was_built_for_a_debugger_is_not_taken_for_the_other()
    {
        _site.Write("netlify/functions/hello.ts", "export default () => new Response();");

        var debuggable = await BuildAsync(debuggable: true);
        var plain = await BuildAsync(debuggable: false);

        Assert.NotEqual(debuggable.Function.ArtifactDirectory, plain.Function.ArtifactDirectory);
        Assert.DoesNotContain("sourceURL=", plain.Module);
        Assert.Equal(TimeSpan.FromSeconds(10), plain.Function.Limits.StreamingTime);
    }

    private async Task<(FunctionVersion Function, string Module)> BuildAsync(bool debuggable)
    {
        var options = new SiteFolderOptions(_site.Path, "shop", "http://shop.localhost", [], FunctionLimits.Default) { Debuggable = debuggable };
        var site = await new SiteFolder(options, new EsbuildBundler(Repository.Esbuild), _ => { }).BuildAsync(null, TestContext.Current.CancellationToken);
        var function = Assert.Single(site.Functions);
        return (function, await File.ReadAllTextAsync(Path.Combine(function.ArtifactDirectory, function.Entry), Encoding.UTF8));
    }

    [GeneratedRegex(@"^//# (?<name>\w+)=(?<value>.+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Comment();
}
