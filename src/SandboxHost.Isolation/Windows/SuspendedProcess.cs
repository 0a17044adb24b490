using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using SandboxHost.Sandboxes;

namespace SandboxHost.Isolation.Windows;

/// <summary>
/// A process that was made and has not run yet, so that it can be put into its job first. It inherits the ends of its output's
/// pipe and of the null device, and no other handle of the host's.
/// </summary>
[SupportedOSPlatform("windows")]
internal sealed unsafe class SuspendedProcess : IDisposable
{
    private readonly nint _thread;

    private SuspendedProcess(ProcessInformation made, AnonymousPipeServerStream output)
    {
        Id = (int)made.ProcessId;
        Process = new SafeProcessHandle(made.Process, ownsHandle: true);
        _thread = made.Thread;
        Output = output;
    }

    public int Id { get; }

    public SafeProcessHandle Process { get; }

    /// <summary>What it prints, stdout and stderr in one.</summary>
    public AnonymousPipeServerStream Output { get; }

    /// <exception cref="SandboxException">Windows refused; nothing is left of the attempt.</exception>
    public static SuspendedProcess Create(string program, string commandLine, string environment, string directory)
    {
        var output = new AnonymousPipeServerStream(PipeDirection.In, HandleInheritability.Inheritable);
        try
        {
            using var nothing = File.OpenHandle("NUL", FileMode.Open, FileAccess.Read);
            var handles = stackalloc nint[2] { output.ClientSafePipeHandle.DangerousGetHandle(), nothing.DangerousGetHandle() };
            Kernel32.Check(SetInheritable(nothing), "launch: null device");
            var made = Create(handles, program, commandLine, environment, directory);

            // The host's copy of the writing end: with it open the end of the output would never come.
            output.DisposeLocalCopyOfClientHandle();
            return new SuspendedProcess(made, output);
        }
        catch
        {
            output.Dispose();
            throw;
        }
    }

    public void Resume() => Kernel32.Check(Kernel32.ResumeThread(_thread) != uint.MaxValue, "launch: resume");

    /// <summary>Gives the handles back. The process goes on.</summary>
    public void Dispose()
    {
        _ = Kernel32.CloseHandle(_thread);
        Process.Dispose();
        Output.Dispose();
    }

    private static ProcessInformation Create(nint* handles, string program, string commandLine, string environment, string directory)
    {
        nuint size = 0;
        _ = Kernel32.InitializeProcThreadAttributeList(0, 1, 0, ref size);
        var attributes = (nint)NativeMemory.Alloc(size);
        try
        {
            Kernel32.Check(Kernel32.InitializeProcThreadAttributeList(attributes, 1, 0, ref size), "launch: attributes");
            try
            {
                Kernel32.Check(
                    Kernel32.UpdateProcThreadAttribute(attributes, 0, Kernel32.AttributeHandleList, handles, 2 * (nuint)sizeof(nint), 0, 0), "launch: handles");
                var startup = new ExtendedStartupInfo
                {
                    Info = new StartupInfo
                    {
                        Size = (uint)sizeof(ExtendedStartupInfo),
                        Flags = Kernel32.UseStandardHandles,
                        StandardInput = handles[1],
                        StandardOutput = handles[0],
                        StandardError = handles[0],
                    },
                    AttributeList = attributes,
                };
                const uint Flags = Kernel32.CreateSuspended | Kernel32.CreateUnicodeEnvironment | Kernel32.ExtendedStartupInfoPresent | Kernel32.CreateNoWindow;

                // CreateProcessW may write into its command line.
                var line = (commandLine + '\0').ToCharArray();
                fixed (char* application = program, arguments = line, variables = environment, folder = directory)
                {
                    Kernel32.Check(
                        Kernel32.CreateProcessW(application, arguments, 0, 0, inheritHandles: true, Flags, variables, folder, &startup, out var made),
                        $"launch: {program}");
                    return made;
                }
            }
            finally
            {
                Kernel32.DeleteProcThreadAttributeList(attributes);
            }
        }
        finally
        {
            NativeMemory.Free((void*)attributes);
        }
    }

    private static bool SetInheritable(SafeFileHandle handle) => Kernel32.SetHandleInformation(handle, Kernel32.HandleFlagInherit, Kernel32.HandleFlagInherit);
}
