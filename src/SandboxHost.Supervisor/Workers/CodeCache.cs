using Google.Protobuf.Collections;
using SandboxHost.Deployments;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Supervisor.Transport;

namespace SandboxHost.Supervisor.Workers;

/// <summary>
/// What V8 compiled of one function version, made by one of its workers for the next ones, and for nobody else: V8 trusts
/// such bytes, so they are code. A worker announces their hashes before it gets its first invocation, so no client can have
/// had a hand in them; what it sends later must match.
/// </summary>
internal sealed class CodeCache(FunctionVersion function, CodeCacheBudget budget)
{
    /// <summary>Below the function's directory.</summary>
    public const string DirectoryName = ".sandboxhost-code-cache";

    /// <summary>Below this, compiling is faster than reading what was compiled.</summary>
    private const int SmallestModuleBytes = 16 * 1024;

    private readonly Lock _gate = new();
    private IReadOnlyList<CodeCacheContent> _files = [];
    private bool? _isWorthwhile;
    private bool _closed;

    /// <summary>What the next worker is told.</summary>
    public CodeCacheUse Use
    {
        get
        {
            lock (_gate)
            {
                if (_files.Count > 0)
                {
                    return CodeCacheUse.Placed;
                }

                return !_closed && budget.HasRoom && (_isWorthwhile ??= IsWorthwhile()) ? CodeCacheUse.Wanted : CodeCacheUse.Unspecified;
            }
        }
    }

    /// <summary>Writes the files to where a worker looks for them. Nothing, if they were forgotten meanwhile.</summary>
    /// <exception cref="IOException">They could not be written.</exception>
    public void Place(string functionDirectory)
    {
        IReadOnlyList<CodeCacheContent> files;
        lock (_gate)
        {
            files = _files;
        }

        var directory = Path.Combine(functionDirectory, DirectoryName);
        FunctionFiles.CreateDirectory(directory);
        foreach (var file in files)
        {
            FunctionFiles.Write(Path.Combine(directory, file.Name), file.Bytes);
        }
    }

    /// <summary>Removes what <see cref="Place"/> wrote: it is no file of the function's.</summary>
    public static void Remove(string functionDirectory)
    {
        try
        {
            Directory.Delete(Path.Combine(functionDirectory, DirectoryName), recursive: true);
        }
        catch (IOException)
        {
            // The sandbox is going, and takes it along.
        }
    }

    /// <summary>What a worker announces. Null when there is nothing to come.</summary>
    /// <exception cref="ProtocolViolation">It announces what was not asked for, or what is not legal.</exception>
    public CodeCacheOffer? Announced(RepeatedField<CodeCacheFile> files, CodeCacheUse use)
    {
        if (files.Count == 0)
        {
            return null;
        }

        return use == CodeCacheUse.Wanted
            ? CodeCacheOffer.Read(files, this, budget)
            : throw new ProtocolViolation("a code cache that was not asked for");
    }

    /// <summary>Keeps what a worker sent; the first one wins.</summary>
    /// <returns>False when it is of no use any more.</returns>
    public bool TryKeep(IReadOnlyList<CodeCacheContent> files)
    {
        lock (_gate)
        {
            if (_closed || _files.Count > 0)
            {
                return false;
            }

            _files = files;
            return true;
        }
    }

    /// <summary>A worker did not come up with it; the next one makes another.</summary>
    public void Forget()
    {
        lock (_gate)
        {
            budget.Release(_files.Sum(file => (long)file.Bytes.Length));
            _files = [];
        }
    }

    /// <summary>The version is gone.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
        }

        Forget();
    }

    // A small module with packages beside it loads many more.
    private bool IsWorthwhile()
    {
        var module = new FileInfo(Path.Combine(function.ArtifactDirectory, function.Entry));
        return (module.Exists && module.Length >= SmallestModuleBytes) || Directory.Exists(Path.Combine(function.ArtifactDirectory, "node_modules"));
    }
}

/// <summary>One file of Node's compile cache.</summary>
internal sealed record CodeCacheContent(string Name, byte[] Bytes);
