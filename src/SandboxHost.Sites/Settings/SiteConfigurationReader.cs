namespace SandboxHost.Sites.Settings;

/// <summary>
/// Reads a site's configuration files, again and again. A netlify.toml that is no TOML leaves in force what the last good
/// one said.
/// </summary>
public sealed class SiteConfigurationReader(SiteFolderOptions options)
{
    // Nobody writes more by hand.
    private const long MaxFileBytes = 1 << 20;

    // The strongest first, as the dotenv convention has it.
    private static readonly string[] DefaultEnvFiles = [".env.development.local", ".env.local", ".env.development", ".env"];

    private string? _texts;
    private SiteConfiguration? _last;
    private SiteSettings _settings = SiteSettings.Empty;
    private NetlifyToml? _netlify;

    /// <summary>The port that a site's netlify.toml asks for; null when it asks for none.</summary>
    public static int? ReadPort(string directory, string context)
    {
        var file = Path.Combine(directory, NetlifyToml.FileName);
        var text = ReadText(file, []);
        return NetlifyToml.Parse(text, DeployContext.Parse(context, GitBranch.Of(directory)), [])?.DevPort;
    }

    /// <summary>The configuration now: the same object as before when no file says anything else.</summary>
    /// <param name="mistakes">Takes a sentence for everything that is wrong, once for each change.</param>
    public SiteConfiguration Read(ICollection<string> mistakes)
    {
        ArgumentNullException.ThrowIfNull(mistakes);
        var found = new List<string>();
        var context = DeployContext.Parse(options.Context, GitBranch.Of(options.Directory));
        var netlifyText = ReadText(Path.Combine(options.Directory, NetlifyToml.FileName), found);
        var netlify = NetlifyToml.Parse(netlifyText, context, found);
        if (netlify is null)
        {
            found.Add($"{NetlifyToml.FileName}: {(_netlify is null ? "the defaults hold until it can be read" : "what it said before holds until it can be read")}");
        }

        netlify ??= _netlify ?? NetlifyToml.Empty;
        var baseDirectory = PathInSite(netlify.Base, options.Directory, "base", found) ?? options.Directory;
        var envFiles = EnvFilesOf(netlify, baseDirectory, found);
        var layers = envFiles.Select(file => new VariableLayer(Path.GetRelativePath(options.Directory, file), DotEnvParser.Parse(ReadText(file, found)))).ToList();
        var settingsText = ReadText(Path.Combine(options.Directory, SiteSettings.FileName), found);
        var texts = string.Join('\0', [netlifyText, settingsText, context.ToString(), .. layers.SelectMany(layer => layer.Variables.Select(item => $"{layer.Source}={item}"))]);
        if (_last is not null && texts == _texts)
        {
            return _last;
        }

        (_texts, _netlify) = (texts, netlify);
        _settings = SiteSettings.Parse(settingsText, found);
        _last = Create(context, netlify, baseDirectory, layers, found);
        foreach (var mistake in found)
        {
            mistakes.Add(mistake);
        }

        return _last;
    }

    private SiteConfiguration Create(
        DeployContext context, NetlifyToml netlify, string baseDirectory, List<VariableLayer> envFiles, List<string> mistakes)
    {
        var publish = options.PublishDirectory is { } given
            ? Path.GetFullPath(given, options.Directory)
            : PathInSite((options.IsDeploy ? null : netlify.DevPublish) ?? netlify.Publish, baseDirectory, "publish", mistakes);
        var functions = options.FunctionsDirectory is { } own
            ? Path.GetFullPath(own, options.Directory)
            : PathInSite((options.IsDeploy ? null : netlify.DevFunctionsDirectory) ?? netlify.FunctionsDirectory, baseDirectory, "functions", mistakes);
        IEnumerable<VariableLayer> layers =
        [
            new(NetlifyToml.FileName, netlify.Environment), new(SiteSettings.FileName, _settings.Environment), .. envFiles.AsEnumerable().Reverse(),
        ];
        return new SiteConfiguration
        {
            Context = context,
            Settings = _settings,
            Netlify = netlify,
            BaseDirectory = baseDirectory,
            PublishDirectory = publish ?? baseDirectory,
            IsPublishDirectorySet = publish is not null,
            FunctionsDirectory = functions,
            Environment = SiteEnvironment.Merge(layers, options.ProcessEnvironment, mistakes),
            Directories = [.. EnvFilesOf(netlify, baseDirectory, []).Select(file => Path.GetDirectoryName(file)!).Append(options.Directory).Append(baseDirectory).Distinct()],
        };
    }

    private List<string> EnvFilesOf(NetlifyToml netlify, string baseDirectory, List<string> mistakes) =>
        options.IsDeploy ? [] : [.. (netlify.EnvFiles ?? DefaultEnvFiles).Select(file => PathInSite(file, baseDirectory, "dev.envFiles", mistakes)).OfType<string>()];

    // One that begins with / counts from the site's folder, any other from the base.
    private string? PathInSite(string? path, string baseDirectory, string key, List<string> mistakes)
    {
        if (path is null)
        {
            return null;
        }

        var full = path.StartsWith('/') ? Path.GetFullPath(Path.Combine(options.Directory, path.TrimStart('/'))) : Path.GetFullPath(path, baseDirectory);
        full = full.Length > 1 ? Path.TrimEndingDirectorySeparator(full) : full;
        if (full == options.Directory || full.StartsWith(options.Directory + "/", StringComparison.Ordinal))
        {
            return full;
        }

        mistakes.Add($"{NetlifyToml.FileName}: {key} '{path}' lies outside of the site's folder");
        return null;
    }

    private static string ReadText(string file, List<string> mistakes)
    {
        try
        {
            var info = new FileInfo(file);
            if (!info.Exists)
            {
                return "";
            }

            if (info.Length <= MaxFileBytes)
            {
                return File.ReadAllText(file);
            }

            mistakes.Add($"{Path.GetFileName(file)}: has more than {MaxFileBytes >> 20} MB and is not read");
        }
        catch (UnauthorizedAccessException ex)
        {
            mistakes.Add($"{Path.GetFileName(file)}: {ex.Message}");
        }

        return "";
    }
}
