using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Coppice.Kernels.Emitted;

/// <summary>What an emitted tile is called with: the emitted code reads these fields at their offsets.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TileArguments
{
    public float* A;
    public nint ARowBytes;
    public float* B0, B1, B2, B3;
    public nint BStepBytes;
    public nint Steps;
    public float* C;
    public nint CRowBytes;

    /// <summary>0: the sums begin at zero; else they go on from what C holds.</summary>
    public nint Add;

    /// <summary>What is fetched ahead, so many bytes further with every step of k.</summary>
    public byte* Prefetch;
    public nint PrefetchStepBytes;

    /// <summary>What is fetched into the first-level cache: the next rows of A.</summary>
    public byte* NextA;

    public const int AtPrefetch = 88, AtPrefetchStepBytes = 96, AtNextA = 104;
    public const int AtA = 0, AtARowBytes = 8, AtB0 = 16, AtB1 = 24, AtB2 = 32, AtB3 = 40, AtBStepBytes = 48, AtSteps = 56, AtC = 64, AtCRowBytes = 72, AtAdd = 80;
}

/// <summary>
/// Writes the machine code of one register tile: rows (1 to 6) by units of 16 columns (1 to 4), and its loop over k; nothing else.
/// zmm0-3 hold one step of B, zmm4-7 broadcasts of A in turn, zmm8-31 the sums.
/// </summary>
internal static class TileEmitter
{
    private const int VectorBytes = 64, FirstSum = 8, FirstBroadcast = 4, Broadcasts = 4;

    private static readonly AssemblerRegisterZMM[] Z =
    [
        zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15,
        zmm16, zmm17, zmm18, zmm19, zmm20, zmm21, zmm22, zmm23, zmm24, zmm25, zmm26, zmm27, zmm28, zmm29, zmm30, zmm31,
    ];

    private static readonly AssemblerRegister64[] General = [rbx, rbp, rsi, rdi, r12, r13, r14, r15];

    /// <summary>Cache lines that a tile fetches ahead in two steps: few rows leave room for many, and need them; where a line lasts two steps, one.</summary>
    private static int PrefetchLines(int rows, bool sparse) => sparse ? 1 : rows <= 4 ? 8 : 4;

    /// <param name="format">What is multiplied.</param>
    /// <param name="rows">1 to 6.</param>
    /// <param name="units">1 to 4, of 16 columns.</param>
    /// <param name="sparse">Fetch one line ahead in two steps, and not several.</param>
    public static byte[] Emit(DotFormat format, int rows, int units, bool sparse) => EmittedFunction.Assemble(General, code =>
    {
        Begin(code, rows, units);
        Loop(code, format, rows, units, PrefetchLines(rows, sparse));
        PointAtC(code);
        ForEachSum(code, rows, units, (sum, unit) => code.vmovups(__zmmword_ptr[rsi + unit * VectorBytes], sum));
    });

    private static void Begin(Assembler code, int rows, int units)
    {
        Label zero = code.CreateLabel(), begun = code.CreateLabel();
        PointAtC(code);
        code.cmp(__qword_ptr[rcx + TileArguments.AtAdd], 0);
        code.je(zero);
        ForEachSum(code, rows, units, (sum, unit) => code.vmovups(sum, __zmmword_ptr[rsi + unit * VectorBytes]));
        code.jmp(begun);
        code.Label(ref zero);
        for (int i = 0; i < rows * units; i++) code.vpxord(Z[FirstSum + i], Z[FirstSum + i], Z[FirstSum + i]);
        code.Label(ref begun);
    }

    /// <summary>Two steps of k at a time: whatever counts or points takes a slot from the multiplications.</summary>
    private static void Loop(Assembler code, DotFormat format, int rows, int units, int prefetchLines)
    {
        AssemblerRegister64[] b = [r9, r10, r11, rbx];
        Label top = code.CreateLabel(), odd = code.CreateLabel(), done = code.CreateLabel();
        code.mov(rax, __qword_ptr[rcx + TileArguments.AtA]);
        code.mov(rdx, __qword_ptr[rcx + TileArguments.AtARowBytes]);
        code.lea(r8, __[rdx + rdx * 2]);
        code.add(r8, rax);
        for (int unit = 0; unit < units; unit++) code.mov(b[unit], __qword_ptr[rcx + (TileArguments.AtB0 + unit * 8)]);
        code.mov(r12, __qword_ptr[rcx + TileArguments.AtPrefetch]);
        code.mov(r13, __qword_ptr[rcx + TileArguments.AtNextA]);
        code.mov(r14, __qword_ptr[rcx + TileArguments.AtBStepBytes]);
        code.mov(r15, __qword_ptr[rcx + TileArguments.AtPrefetchStepBytes]);
        code.xor(edi, edi);
        code.mov(rbp, r14);
        code.mov(rsi, __qword_ptr[rcx + TileArguments.AtSteps]);
        code.sub(rsi, 2);
        code.jl(odd);

        code.Label(ref top);
        Step(0, rdi);
        for (int line = 0; line < (prefetchLines + 1) / 2; line++) code.prefetcht1(__byte_ptr[r12 + line * VectorBytes]);
        code.prefetcht0(__byte_ptr[r13]);
        Step(1, rbp);
        for (int line = (prefetchLines + 1) / 2; line < prefetchLines; line++) code.prefetcht1(__byte_ptr[r12 + line * VectorBytes]);
        code.add(rax, 8);
        code.add(r8, 8);
        code.lea(rdi, __[rdi + r14 * 2]);
        code.lea(rbp, __[rbp + r14 * 2]);
        code.lea(r12, __[r12 + r15 * 2]);
        code.add(r13, 8 * rows);
        code.sub(rsi, 2);
        code.jge(top);

        code.Label(ref odd);
        code.inc(rsi);
        code.jne(done);
        Step(0, rdi);
        code.Label(ref done);

        void Step(int step, AssemblerRegister64 at)
        {
            // Rows 0 to 2 are addressed from rax, 3 to 5 from r8, by multiples of the row stride in rdx.
            int ahead = step * sizeof(float);
            AssemblerMemoryOperand[] row = [__dword_ptr[rax + ahead], __dword_ptr[rax + rdx + ahead], __dword_ptr[rax + rdx * 2 + ahead], __dword_ptr[r8 + ahead], __dword_ptr[r8 + rdx + ahead], __dword_ptr[r8 + rdx * 2 + ahead]];
            for (int unit = 0; unit < units; unit++) code.vmovups(Z[unit], __zmmword_ptr[b[unit] + at]);
            for (int r = 0; r < rows; r++)
            {
                AssemblerRegisterZMM x = Z[FirstBroadcast + r % Broadcasts];
                code.vbroadcastss(x, row[r]);
                for (int unit = 0; unit < units; unit++)
                {
                    AssemblerRegisterZMM sum = Z[FirstSum + r * units + unit];
                    if (format == DotFormat.F32) code.vfmadd231ps(sum, x, Z[unit]);
                    else if (format == DotFormat.BF16) code.vdpbf16ps(sum, x, Z[unit]);
                    else code.vpdpbusd(sum, x, Z[unit]);
                }
            }
        }
    }

    private static void PointAtC(Assembler code)
    {
        code.mov(rsi, __qword_ptr[rcx + TileArguments.AtC]);
        code.mov(rdi, __qword_ptr[rcx + TileArguments.AtCRowBytes]);
    }

    /// <summary>Moves every sum, rsi at the row of C it belongs to.</summary>
    private static void ForEachSum(Assembler code, int rows, int units, Action<AssemblerRegisterZMM, int> move)
    {
        for (int r = 0; r < rows; r++)
        {
            for (int unit = 0; unit < units; unit++) move(Z[FirstSum + r * units + unit], unit);
            if (r < rows - 1) code.add(rsi, rdi);
        }
    }
}
