using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Coppice.Kernels.Emitted;

/// <summary>Functions of one pointer, which their code finds in rcx on every system.</summary>
internal static class EmittedFunction
{
    // Windows expects these back.
    private static readonly AssemblerRegisterXMM[] KeptVectors = [xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15];

    /// <summary>Machine code: what <paramref name="body"/> writes, between the beginning and the end that the system's calling convention asks for.</summary>
    /// <param name="kept">General registers that the body changes and the caller expects back.</param>
    /// <param name="body">May change rax, rcx, rdx, r8 to r11 and all vectors and masks besides.</param>
    public static byte[] Assemble(IReadOnlyList<AssemblerRegister64> kept, Action<Assembler> body)
    {
        var code = new Assembler(64);
        foreach (AssemblerRegister64 register in kept) code.push(register);
        if (OperatingSystem.IsWindows())
        {
            code.sub(rsp, KeptVectors.Length * 16);
            for (int i = 0; i < KeptVectors.Length; i++) code.vmovups(__xmmword_ptr[rsp + i * 16], KeptVectors[i]);
        }
        else
        {
            code.mov(rcx, rdi);
        }

        body(code);
        if (OperatingSystem.IsWindows())
        {
            for (int i = 0; i < KeptVectors.Length; i++) code.vmovups(KeptVectors[i], __xmmword_ptr[rsp + i * 16]);
            code.add(rsp, KeptVectors.Length * 16);
        }

        code.vzeroupper();
        foreach (AssemblerRegister64 register in kept.Reverse()) code.pop(register);
        code.ret();
        var bytes = new MemoryStream();
        code.Assemble(new StreamCodeWriter(bytes), 0);
        return bytes.ToArray();
    }
}
