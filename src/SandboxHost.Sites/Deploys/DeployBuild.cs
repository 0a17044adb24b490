using System.Security.Cryptography;
using SandboxHost.Deployments;
using SandboxHost.Sites.Bundles;
using SandboxHost.Sites.Rules;
using SandboxHost.Sites.Settings;

namespace SandboxHost.Sites.Deploys;

/// <summary>A file of a deploy, and where its content is.</summary>
/// <param name="Source">Absolute.</param>
public sealed record DeploySource(DeployFile File, string Source);

/// <summary>A site folder, built and listed so that it can be deployed.</summary>
public sealed class DeployBuild
{
    private DeployBuild(IReadOnlyList<DeploySource> files, IReadOnlyList<string> functions, IReadOnlyList<string> mistakes, IReadOnlyList<string> warnings)
    {
        Files = files;
        Functions = functions;
        Mistakes = mistakes;
        Warnings = warnings;
    }

    public IReadOnlyList<DeploySource> Files { get; }

    /// <summary>Their names.</summary>
    public IReadOnlyList<string> Functions { get; }

    /// <summary>What stops the deploy, as sentences. Then there are no files.</summary>
    public IReadOnlyList<string> Mistakes { get; }

    public IReadOnlyList<string> Warnings { get; }

    /// <summary>Builds every function, and lists what belongs to the site.</summary>
    /// <param name="environment">Variables that the functions get beside those of sandboxhost.toml.</param>
    /// <param name="workDirectory">What is built is put there; the files are read from it until they are deployed.</param>
    public static async Task<DeployBuild> BuildAsync(
        SiteFolderOptions options, EsbuildBundler bundler, IReadOnlyDictionary<string, string> environment, string workDirectory, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        var (mistakes, warnings) = (new List<string>(), new List<string>());
        var configuration = new SiteConfigurationReader(options with { IsDeploy = true }).Read(mistakes);
        var sources = FunctionFinder.Find(configuration.FunctionsDirectories, configuration.InternalFunctionsDirectory, warnings.Add);
        var builds = await new FunctionBuilder(bundler, options.Directory).BuildAsync(sources, configuration, cancellationToken);
        var functions = new List<ManifestFunction>();
        for (var i = 0; i < builds.Count; i++)
        {
            Place(sources[i], builds[i], workDirectory, functions, mistakes, warnings);
        }

        if (mistakes.Count > 0)
        {
            return new DeployBuild([], [], mistakes, warnings);
        }

        var manifest = Path.Combine(workDirectory, DeployLayout.Manifest);
        new DeployManifest(functions, environment).Write(manifest);
        var built = FilesBelow(Path.Combine(workDirectory, DeployLayout.Functions)).Append(manifest)
            .Select(file => (Path.GetRelativePath(workDirectory, file), file));
        var described = DeployLayout.SiteFiles.Select(name => (name, Path.Combine(options.Directory, name))).Where(item => File.Exists(item.Item2));
        var published = PublishedOf(options.Directory, configuration, warnings);
        return new DeployBuild(
            [.. built.Concat(described).Concat(published).Select(item => new DeploySource(Describe(item.Item1, item.Item2), item.Item2))],
            [.. functions.Select(function => function.Name)],
            mistakes,
            warnings);
    }

    private static void Place(
        FunctionSource source, FunctionBuild build, string workDirectory, List<ManifestFunction> functions, List<string> mistakes, List<string> warnings)
    {
        warnings.AddRange(build.Warnings.Select(warning => $"{source.Name}: {warning}"));
        if (build.Artifact is null)
        {
            mistakes.AddRange(build.Mistakes.Select(mistake => $"{source.Name}: {mistake}"));
        }
        else if (build.Artifact.WriteTo(Path.Combine(workDirectory, DeployLayout.Functions, source.Name)) is { } trouble)
        {
            mistakes.Add($"{source.Name}: {trouble}");
        }
        else
        {
            functions.Add(new ManifestFunction(source.Name, build.Bundle.EntryPath, FunctionConfigJson.Write(build.Config), build.Config.Events));
        }
    }

    private static IEnumerable<(string Path, string Source)> PublishedOf(string siteDirectory, SiteConfiguration configuration, List<string> warnings)
    {
        var published = PublishDirectory.FilesOf(siteDirectory, configuration.PublishDirectory, configuration.FunctionsDirectories);
        foreach (var file in FilesBelow(published.Directory, name => !published.IsHidden(name)))
        {
            var name = Path.GetRelativePath(published.Directory, file);
            if (!RealPath.IsInside(file, published.Directory))
            {
                warnings.Add($"{name} is left out: the link leads out of what is published");
                continue;
            }

            yield return ($"{DeployLayout.Publish}/{name}", file);
        }

        // The folder's own rules are there already, when the folder is what is published.
        foreach (var name in published.Directory == siteDirectory ? [] : (string[])[RedirectsFile.Name, HeadersFile.Name])
        {
            if (File.Exists(Path.Combine(published.Directory, name)))
            {
                yield return ($"{DeployLayout.Publish}/{name}", Path.Combine(published.Directory, name));
            }
        }
    }

    /// <param name="takes">Whether to look at a file or directory, by its relative name; null: at all.</param>
    private static IEnumerable<string> FilesBelow(string directory, Func<string, bool>? takes = null)
    {
        var open = new Stack<DirectoryInfo>();
        if (Directory.Exists(directory))
        {
            open.Push(new DirectoryInfo(directory));
        }

        while (open.TryPop(out var next))
        {
            foreach (var entry in next.EnumerateFileSystemInfos())
            {
                if (takes is not null && !takes(Path.GetRelativePath(directory, entry.FullName)))
                {
                    continue;
                }

                if (entry is FileInfo)
                {
                    yield return entry.FullName;
                }
                else if (entry is DirectoryInfo inner && inner.LinkTarget is null)
                {
                    // A linked directory may lead in a circle.
                    open.Push(inner);
                }
            }
        }
    }

    private static DeployFile Describe(string path, string source)
    {
        using var content = File.OpenRead(source);
        return new DeployFile(path.Replace(Path.DirectorySeparatorChar, '/'), Convert.ToHexStringLower(SHA256.HashData(content)), content.Length);
    }
}
