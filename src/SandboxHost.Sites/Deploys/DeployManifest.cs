using System.Text.Json;
using SandboxHost.Sites.Config;

namespace SandboxHost.Sites.Deploys;

/// <summary>A function as the manifest has it.</summary>
/// <param name="Entry">The module, relative to the function's directory.</param>
/// <param name="Config">As in a function's source: texts, doubles, bools, null, lists and maps of them.</param>
/// <param name="Events">Slugs.</param>
internal sealed record ManifestFunction(string Name, string Entry, IReadOnlyDictionary<string, object?> Config, IReadOnlyList<string> Events);

/// <summary>deploy.json: what was found out of a site when it was built, and nobody can see in the files.</summary>
internal sealed record DeployManifest(IReadOnlyList<ManifestFunction> Functions, IReadOnlyDictionary<string, string> Environment)
{
    private const int Version = 1;
    private const long MaxBytes = 16 << 20;

    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true };

    public void Write(string file) => File.WriteAllBytes(file, JsonSerializer.SerializeToUtf8Bytes(
        new
        {
            version = Version,
            functions = Functions.Select(function => new { name = function.Name, entry = function.Entry, config = function.Config, events = function.Events }),
            environment = Environment,
        },
        Format));

    /// <exception cref="FormatException">It is not of this form; the message says where.</exception>
    public static DeployManifest Read(string file)
    {
        var info = new FileInfo(file);
        if (!info.Exists || info.Length > MaxBytes)
        {
            throw new FormatException(info.Exists ? $"{DeployLayout.Manifest} has more than {MaxBytes} bytes." : $"The deploy has no {DeployLayout.Manifest}.");
        }

        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(file));
            var root = JsonValues.Plain(document.RootElement) as Dictionary<string, object?> ?? throw Wrong("an object");
            if (root.GetValueOrDefault("version") is not (double)Version)
            {
                throw Wrong($"of version {Version}");
            }

            var functions = root.GetValueOrDefault("functions") as List<object?> ?? throw Wrong("an object with a list of functions");
            var environment = root.GetValueOrDefault("environment") as Dictionary<string, object?> ?? [];
            return new DeployManifest(
                [.. functions.Select(FunctionOf)],
                environment.ToDictionary(item => item.Key, item => item.Value as string ?? throw Wrong("an object whose environment has only texts"), StringComparer.Ordinal));
        }
        catch (JsonException ex)
        {
            throw new FormatException($"{DeployLayout.Manifest}: {ex.Message}", ex);
        }
    }

    private static ManifestFunction FunctionOf(object? value)
    {
        var function = value as Dictionary<string, object?>;
        return function is not null
            && function.GetValueOrDefault("name") is string name
            && function.GetValueOrDefault("entry") is string entry
            && function.GetValueOrDefault("config") is Dictionary<string, object?> config
            && function.GetValueOrDefault("events") is List<object?> events && events.All(item => item is string)
            ? new ManifestFunction(name, entry, config, [.. events.OfType<string>()])
            : throw Wrong("a list of functions with name, entry, config and events each");
    }

    private static FormatException Wrong(string what) => new($"{DeployLayout.Manifest} is not {what}.");
}
