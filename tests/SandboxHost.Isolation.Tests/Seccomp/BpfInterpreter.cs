namespace SandboxHost.Isolation.Seccomp;

/// <summary>Runs a filter the way the kernel does, over struct seccomp_data; only the instructions that seccomp allows and we use.</summary>
internal static class BpfInterpreter
{
    public static uint Run(BpfInstruction[] program, uint architecture, uint number, params ulong[] arguments)
    {
        uint Word(uint offset) => offset switch
        {
            0 => number,
            4 => architecture,
            8 or 12 => 0,
            _ when (offset - 16) / 8 < (ulong)arguments.Length =>
                (uint)(arguments[(offset - 16) / 8] >> (offset % 8 == 0 ? 0 : 32)),
            _ => 0,
        };

        uint accumulator = 0;
        for (var at = 0; at < program.Length; at++)
        {
            var (code, yes, no, operand) = program[at];
            switch (code)
            {
                case BpfInstruction.Load:
                    Assert.True(operand <= 60 && operand % 4 == 0, "load outside of seccomp_data");
                    accumulator = Word(operand);
                    break;
                case BpfInstruction.And: accumulator &= operand; break;
                case BpfInstruction.JumpIfEqual: at += accumulator == operand ? yes : no; break;
                case BpfInstruction.JumpIfAtLeast: at += accumulator >= operand ? yes : no; break;
                case BpfInstruction.Return: return operand;
                default: throw new InvalidOperationException($"instruction {code:x} at {at}");
            }
        }

        throw new InvalidOperationException("the program ran past its end");
    }
}
