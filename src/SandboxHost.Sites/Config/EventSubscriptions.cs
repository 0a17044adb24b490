using SandboxHost.Events;

namespace SandboxHost.Sites.Config;

/// <summary>Which platform events a function is told of: found without running it (reference §2.1 and §9.1).</summary>
internal static class EventSubscriptions
{
    /// <summary>
    /// By its own name, and by the handlers that its default-exported object names. An export called <c>handler</c> makes
    /// it a function of the older form, which has no such object.
    /// </summary>
    /// <param name="exports">Null when the file can't be read as a module.</param>
    /// <returns>Slugs, each once.</returns>
    public static IReadOnlyList<string> Of(string functionName, ModuleExports? exports)
    {
        var handled = exports is null or { HasHandler: true } ? [] : PlatformEvent.All.Where(item => item.HandlerName is { } name && exports.DefaultMembers.Contains(name));
        var own = PlatformEvent.OfFunction(functionName);
        return [.. handled.Select(item => item.Slug).Union(own is null ? [] : [own.Slug])];
    }
}
