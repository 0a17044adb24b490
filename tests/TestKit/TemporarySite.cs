namespace SandboxHost.TestKit;

/// <summary>A site folder that lives as long as a test.</summary>
public sealed class TemporarySite : IDisposable
{
    public TemporarySite(params (string Name, string Source)[] functions)
    {
        Directory = System.IO.Directory.CreateTempSubdirectory("sandboxhost-test-site-").FullName;
        foreach (var (name, source) in functions)
        {
            Write(name, source);
        }
    }

    public string Directory { get; }

    /// <summary>Writes a function's file, as an editor does that saves.</summary>
    public void Write(string name, string source) => WriteFile($"netlify/functions/{name}", source);

    public void WriteFile(string path, string text)
    {
        var file = Path.Combine(Directory, path);
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }

    public void Remove(string name) => File.Delete(Path.Combine(Directory, "netlify/functions", name));

    public void Dispose() => System.IO.Directory.Delete(Directory, recursive: true);
}
