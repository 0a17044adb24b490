namespace SandboxHost.Isolation.Seccomp;

/// <summary>
/// Writes a filter as a list of tests that each either answer or fall through to the next. No jump leaves its own test, so
/// the 8-bit distances of classic BPF are never near their end, however long the list.
/// </summary>
internal sealed class BpfBuilder
{
    private const uint NumberOffset = 0;
    private const uint ArchitectureOffset = 4;
    private readonly List<BpfInstruction> _instructions = [];

    public void LoadNumber() => Add(BpfInstruction.Load, NumberOffset);

    public void LoadArchitecture() => Add(BpfInstruction.Load, ArchitectureOffset);

    /// <summary>
    /// Loads the low word of an argument. Enough for every argument that is looked at here: the kernel itself takes them
    /// as 32-bit integers, and comparing the high word too would let a call with a dirty one slip by a "refuse" test.
    /// </summary>
    public void LoadArgument(int index) => Add(BpfInstruction.Load, 16 + (8 * (uint)index));

    public void Mask(uint mask) => Add(BpfInstruction.And, mask);

    public void Answer(uint action) => Add(BpfInstruction.Return, action);

    public void AnswerIfEqual(uint value, uint action)
    {
        _instructions.Add(new BpfInstruction(BpfInstruction.JumpIfEqual, 0, 1, value));
        Answer(action);
    }

    public void AnswerUnlessEqual(uint value, uint action)
    {
        _instructions.Add(new BpfInstruction(BpfInstruction.JumpIfEqual, 1, 0, value));
        Answer(action);
    }

    public void AnswerIfBelow(uint value, uint action)
    {
        _instructions.Add(new BpfInstruction(BpfInstruction.JumpIfAtLeast, 1, 0, value));
        Answer(action);
    }

    public void AnswerIfAtLeast(uint value, uint action)
    {
        _instructions.Add(new BpfInstruction(BpfInstruction.JumpIfAtLeast, 0, 1, value));
        Answer(action);
    }

    /// <summary>Runs <paramref name="body"/> only when the loaded word is <paramref name="value"/>.</summary>
    public void WhenEqual(uint value, Action<BpfBuilder> body)
    {
        var inner = new BpfBuilder();
        body(inner);
        _instructions.Add(new BpfInstruction(BpfInstruction.JumpIfEqual, 0, checked((byte)inner._instructions.Count), value));
        _instructions.AddRange(inner._instructions);
    }

    public BpfInstruction[] Build() => [.. _instructions];

    private void Add(ushort code, uint operand) => _instructions.Add(new BpfInstruction(code, 0, 0, operand));
}
