using System.Buffers.Binary;

namespace SandboxHost.Isolation.Seccomp;

/// <summary>One classic BPF instruction (struct sock_filter): operation, two 8-bit jump distances, an operand.</summary>
internal readonly record struct BpfInstruction(ushort Code, byte IfTrue, byte IfFalse, uint Operand)
{
    public const int Size = 8;

    /// <summary>Loads a 32-bit word of struct seccomp_data; the operand is the offset.</summary>
    public const ushort Load = 0x20;
    public const ushort And = 0x54;
    public const ushort JumpIfEqual = 0x15;
    public const ushort JumpIfAtLeast = 0x35;
    public const ushort Return = 0x06;

    public void WriteTo(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, Code);
        bytes[2] = IfTrue;
        bytes[3] = IfFalse;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], Operand);
    }
}
