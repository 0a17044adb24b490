using System.CommandLine;

namespace SandboxHost.Cli.Events;

/// <summary>`sandboxhost events …`: platform events.</summary>
internal static class EventsCommand
{
    public static Command Create() => new("events", "Tells functions of platform events.")
    {
        SendCommand.Create(),
    };
}
