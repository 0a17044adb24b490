using CsCheck;

namespace SandboxHost.Sites.Rules;

/// <summary>Values of a generator, the same ones at every run.</summary>
internal static class Generated
{
    public static IEnumerable<T> Single<T>(this Gen<T> generator, int count)
    {
        var random = PCG.Parse("0N0XIzNsQ0O2");
        for (var i = 0; i < count; i++)
        {
            yield return generator.Generate(random, null, out _);
        }
    }
}
