using System.ComponentModel;
using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Coppice.Kernels.Emitted;

/// <summary>
/// bf16 products by AMX (tdpbf16ps): any rows by a panel of 64 columns. A step is 32 inputs: from zero, one chain of fused
/// multiply-adds over the even inputs and one over the odd ones; then their sum is added to C. All round to nearest, and numbers below the
/// normal range, given or resulting, count as zeros of the same sign. So <see cref="Reference"/>; the maker's manual says the same.
/// </summary>
internal sealed unsafe class Bf16Matrix
{
    public const int TileRows = 16, StepInputs = 32;

    /// <summary>One step of 16 rows of A.</summary>
    public const int TileBytes = TileRows * StepInputs * sizeof(ushort);

    // Far enough ahead to be there in time when one row tile streams a panel from memory.
    private const int StepsAhead = 2, PanelStepBytes = StepInputs / 2 * ColumnsBytes, ColumnsBytes = 256;

    private static readonly Lazy<(Bf16Matrix? Unit, string Note)> Only = new(Create);

    private readonly delegate* unmanaged[SuppressGCTransition]<Arguments*, void> _one, _two;

    private Bf16Matrix()
    {
        _one = (delegate* unmanaged[SuppressGCTransition]<Arguments*, void>)MatrixUnit.Load(EmitOneRowTile);
        _two = (delegate* unmanaged[SuppressGCTransition]<Arguments*, void>)MatrixUnit.Load(EmitTwoRowTiles);
    }

    /// <summary>Null where it cannot run; <see cref="Note"/> says why.</summary>
    public static Bf16Matrix? Instance => Only.Value.Unit;

    public static string Note => Only.Value.Note;

    /// <summary>C = A · B, or with <paramref name="from"/> C = from + A · B.</summary>
    /// <param name="a">Tiles of A, [row tile][step][16][32] bf16, row tiles <paramref name="rowTileBytes"/> apart.</param>
    /// <param name="rowTileBytes">Any.</param>
    /// <param name="rows">At least 1; up to 16 are fastest with all steps at once, more with few steps.</param>
    /// <param name="b">[steps · 16][64][2] bf16.</param>
    /// <param name="steps">At least 1.</param>
    /// <param name="next">What is fetched ahead, as many bytes as b has, or with up to 16 rows the first steps.</param>
    /// <param name="from">Null: the sums begin at zero. Else [rows][64].</param>
    /// <param name="fromRowFloats">At least 64.</param>
    /// <param name="c">[rows][64]. May be <paramref name="from"/>.</param>
    /// <param name="cRowFloats">At least 64.</param>
    public void Run(byte* a, nint rowTileBytes, int rows, byte* b, int steps, byte* next, float* from, nint fromRowFloats, float* c, nint cRowFloats)
    {
        Arguments arguments = default;
        arguments.A = a;
        arguments.ARowTileBytes = rowTileBytes;
        arguments.B = b;
        arguments.Steps = steps;
        arguments.From = from;
        arguments.FromRowBytes = fromRowFloats * sizeof(float);
        arguments.C = c;
        arguments.CRowBytes = cRowFloats * sizeof(float);
        int pairs = rows / (2 * TileRows), rest = rows % (2 * TileRows), pairsInAll = pairs + (rest > TileRows ? 1 : 0);

        // Both column pairs of every step of every pair of row tiles take their part of fetching as many bytes again.
        arguments.Prefetch = next;
        arguments.PrefetchLines = pairsInAll == 0 ? 0 : (PanelStepBytes / 64 / 2 + pairsInAll - 1) / pairsInAll;
        if (pairs > 0) Two(&arguments, TileRows, pairs);
        if (rest > TileRows) Two(&arguments, rest - TileRows, 1);
        else if (rest > 0) One(&arguments, rest);
    }

    private void One(Arguments* arguments, int rows)
    {
        byte* configuration = arguments->Configuration;
        for (int i = 0; i < 5; i++) MatrixUnit.Shape(configuration, i, rows, 64);
        for (int i = 5; i < 8; i++) MatrixUnit.Shape(configuration, i, StepInputs / 2, 64);
        _one(arguments);
    }

    private void Two(Arguments* arguments, int secondRows, int pairs)
    {
        byte* configuration = arguments->Configuration;
        for (int i = 0; i < 8; i++) MatrixUnit.Shape(configuration, i, TileRows, 64);
        foreach (int register in (ReadOnlySpan<int>)[2, 3, 5]) MatrixUnit.Shape(configuration, register, secondRows, 64);
        arguments->Pairs = pairs;
        _two(arguments);
    }

    /// <summary>The definition of one output: a and b are [steps · 32] bf16.</summary>
    public static float Reference(ReadOnlySpan<ushort> a, ReadOnlySpan<ushort> b, float c)
    {
        float sum = Flush(c);
        for (int step = 0; step < a.Length; step += StepInputs)
        {
            float even = 0f, odd = 0f;
            for (int i = step; i < step + StepInputs; i += 2)
            {
                even = Flush(MathF.FusedMultiplyAdd(Float(a[i]), Float(b[i]), even));
                odd = Flush(MathF.FusedMultiplyAdd(Float(a[i + 1]), Float(b[i + 1]), odd));
            }
            sum = Flush(sum + Flush(even + odd));
        }
        return sum;
    }

    private static float Float(ushort bits) => Flush(BitConverter.UInt32BitsToSingle((uint)bits << 16));

    private static float Flush(float x) => MathF.Abs(x) < 1.17549435E-38f ? MathF.CopySign(0f, x) : x;

    private static (Bf16Matrix?, string) Create()
    {
        if ((MatrixUnit.WhyNot ?? (Isa.HasMatrixBf16 ? null : "the CPU lacks tdpbf16ps")) is { } reason) return (null, $"BF16: no AMX, {reason}");
        try
        {
            var unit = new Bf16Matrix();
            return unit.AgreesWithReference() ? (unit, "BF16: emitted code, tdpbf16ps") : (null, "BF16: no AMX, this CPU's tdpbf16ps rounds in another way");
        }
        catch (Win32Exception error)
        {
            return (null, $"BF16: no AMX, the system refuses executable memory ({error.Message})");
        }
    }

    private bool AgreesWithReference()
    {
        const int steps = 2, columns = 64, rows = 2 * TileRows;
        ushort[] a = new ushort[rows * steps * StepInputs], b = new ushort[steps * StepInputs * columns];
        fixed (ushort* pa = a, pb = b)
        {
            EmittedTile.Fill(DotFormat.BF16, (uint*)pa, a.Length / 2, 1);
            EmittedTile.Fill(DotFormat.BF16, (uint*)pb, b.Length / 2, 2);
            float* c = stackalloc float[rows * columns];
            Run((byte*)pa, steps * TileBytes, rows, (byte*)pb, steps, (byte*)pb, null, 0, c, columns);
            Span<ushort> row = stackalloc ushort[steps * StepInputs], column = stackalloc ushort[steps * StepInputs];
            for (int r = 0; r < rows; r++)
            {
                for (int j = 0; j < columns; j++)
                {
                    for (int k = 0; k < row.Length; k++)
                    {
                        row[k] = a[((r / TileRows * steps + k / StepInputs) * TileRows + r % TileRows) * StepInputs + k % StepInputs];
                        column[k] = b[(k / 2 * columns + j) * 2 + k % 2];
                    }
                    if (BitConverter.SingleToUInt32Bits(Reference(row, column, 0f)) != BitConverter.SingleToUInt32Bits(c[r * columns + j])) return false;
                }
            }
        }
        return true;
    }

    // rax: A, r10: A of the second row tile, rdx: B, rcx: steps, rsi: C, r11: C's row bytes, r8 and r9: row bytes of a tile of A and of B.
    private static void EmitOneRowTile(Assembler code)
    {
        Begin(code);
        Label top = code.CreateLabel();
        MoveSums(code, load: true, [(tmm0, 0, false), (tmm1, 64, false), (tmm2, 128, false), (tmm3, 192, false)]);
        code.lea(rsi, __[rdx + StepsAhead * PanelStepBytes]);
        code.cmp(rcx, StepsAhead);
        code.cmovle(rsi, __qword_ptr[rdi + Arguments.AtPrefetch]);
        code.Label(ref top);
        code.tileloadd(tmm4, __[rax + r8 * 1]);
        AssemblerRegisterTMM[] sums = [tmm0, tmm1, tmm2, tmm3], columns = [tmm5, tmm6, tmm7, tmm5];
        for (int unit = 0; unit < 4; unit++)
        {
            code.tileloadd(columns[unit], __[rdx + r9 * 1 + unit * 64]);
            for (int line = 0; line < PanelStepBytes / 4; line += 64) code.prefetcht1(__byte_ptr[rsi + (unit * (PanelStepBytes / 4) + line)]);
            code.tdpbf16ps(sums[unit], tmm4, columns[unit]);
        }
        code.add(rax, TileBytes);
        code.add(rdx, PanelStepBytes);
        code.add(rsi, PanelStepBytes);
        code.dec(rcx);
        code.cmp(rcx, StepsAhead);
        code.cmove(rsi, __qword_ptr[rdi + Arguments.AtPrefetch]);
        code.test(rcx, rcx);
        code.jne(top);
        MoveSums(code, load: false, [(tmm0, 0, false), (tmm1, 64, false), (tmm2, 128, false), (tmm3, 192, false)]);
        code.tilerelease();
        code.ret();
    }

    // Here rsi and r11, which point at C between the loops, count what is fetched ahead within them.
    private static void EmitTwoRowTiles(Assembler code)
    {
        Begin(code);
        Label nextPair = code.CreateLabel();
        code.Label(ref nextPair);
        for (int pair = 0; pair < 2; pair++)
        {
            Label top = code.CreateLabel(), fetch = code.CreateLabel(), fetched = code.CreateLabel();
            int columnBytes = pair * 128;
            (AssemblerRegisterTMM, int, bool)[] sums = [(tmm0, columnBytes, false), (tmm1, columnBytes + 64, false), (tmm2, columnBytes, true), (tmm3, columnBytes + 64, true)];
            PointAtOperands(code);
            MoveSums(code, load: true, sums);
            code.mov(rsi, __qword_ptr[rdi + Arguments.AtPrefetch]);
            code.Label(ref top);
            code.tileloadd(tmm4, __[rax + r8 * 1]);
            code.tileloadd(tmm6, __[rdx + r9 * 1 + columnBytes]);
            code.tdpbf16ps(tmm0, tmm4, tmm6);
            code.tileloadd(tmm7, __[rdx + r9 * 1 + (columnBytes + 64)]);
            code.tdpbf16ps(tmm1, tmm4, tmm7);
            code.tileloadd(tmm5, __[r10 + r8 * 1]);
            code.tdpbf16ps(tmm2, tmm5, tmm6);
            code.tdpbf16ps(tmm3, tmm5, tmm7);
            code.mov(r11, __qword_ptr[rdi + Arguments.AtPrefetchLines]);
            code.test(r11, r11);
            code.je(fetched);
            code.Label(ref fetch);
            code.prefetcht1(__byte_ptr[rsi]);
            code.add(rsi, 64);
            code.dec(r11);
            code.jne(fetch);
            code.Label(ref fetched);
            code.add(rax, TileBytes);
            code.add(r10, TileBytes);
            code.add(rdx, PanelStepBytes);
            code.dec(rcx);
            code.jne(top);
            code.mov(__qword_ptr[rdi + Arguments.AtPrefetch], rsi);
            MoveSums(code, load: false, sums);
        }

        // rsi is at C's second row tile, r11 holds C's row bytes: the next pair begins 16 rows further on.
        Label zero = code.CreateLabel();
        code.shl(r11, 4);
        code.add(rsi, r11);
        code.mov(__qword_ptr[rdi + Arguments.AtC], rsi);
        code.mov(rsi, __qword_ptr[rdi + Arguments.AtFrom]);
        code.test(rsi, rsi);
        code.je(zero);
        code.mov(r11, __qword_ptr[rdi + Arguments.AtFromRowBytes]);
        code.shl(r11, 5);
        code.add(rsi, r11);
        code.mov(__qword_ptr[rdi + Arguments.AtFrom], rsi);
        code.Label(ref zero);
        code.mov(rsi, __qword_ptr[rdi + Arguments.AtARowTileBytes]);
        code.add(rsi, rsi);
        code.add(__qword_ptr[rdi + Arguments.AtA], rsi);
        code.dec(__qword_ptr[rdi + Arguments.AtPairs]);
        code.jne(nextPair);
        code.tilerelease();
        code.ret();
    }

    private static void Begin(Assembler code)
    {
        code.ldtilecfg(__[rdi + Arguments.AtConfiguration]);
        code.mov(r8d, 64);
        code.mov(r9d, ColumnsBytes);
        PointAtOperands(code);
    }

    private static void PointAtOperands(Assembler code)
    {
        code.mov(rax, __qword_ptr[rdi + Arguments.AtA]);
        code.mov(r10, __qword_ptr[rdi + Arguments.AtARowTileBytes]);
        code.add(r10, rax);
        code.mov(rdx, __qword_ptr[rdi + Arguments.AtB]);
        code.mov(rcx, __qword_ptr[rdi + Arguments.AtSteps]);
    }

    private static void MoveSums(Assembler code, bool load, (AssemblerRegisterTMM Register, int Bytes, bool SecondRowTile)[] sums)
    {
        Label zero = code.CreateLabel(), done = code.CreateLabel();
        code.mov(rsi, __qword_ptr[rdi + (load ? Arguments.AtFrom : Arguments.AtC)]);
        code.mov(r11, __qword_ptr[rdi + (load ? Arguments.AtFromRowBytes : Arguments.AtCRowBytes)]);
        if (load)
        {
            code.test(rsi, rsi);
            code.je(zero);
        }
        bool second = false;
        foreach ((AssemblerRegisterTMM register, int bytes, bool secondRowTile) in sums)
        {
            if (secondRowTile && !second)
            {
                second = true;
                code.shl(r11, 4);
                code.add(rsi, r11);
                code.shr(r11, 4);
            }
            if (load) code.tileloadd(register, __[rsi + r11 * 1 + bytes]);
            else code.tilestored(__[rsi + r11 * 1 + bytes], register);
        }
        if (!load) return;
        code.jmp(done);
        code.Label(ref zero);
        foreach ((AssemblerRegisterTMM register, _, _) in sums) code.tilezero(register);
        code.Label(ref done);
        code.nop();
    }

    [StructLayout(LayoutKind.Explicit)]
    private struct Arguments
    {
        public const int AtConfiguration = 0, AtA = 64, AtARowTileBytes = 72, AtB = 80, AtSteps = 88, AtFrom = 96, AtFromRowBytes = 104, AtC = 112, AtCRowBytes = 120, AtPrefetch = 128, AtPrefetchLines = 136, AtPairs = 144;

        [FieldOffset(AtConfiguration)] public fixed byte Configuration[64];
        [FieldOffset(AtA)] public byte* A;
        [FieldOffset(AtARowTileBytes)] public nint ARowTileBytes;
        [FieldOffset(AtB)] public byte* B;
        [FieldOffset(AtSteps)] public nint Steps;
        [FieldOffset(AtFrom)] public float* From;
        [FieldOffset(AtFromRowBytes)] public nint FromRowBytes;
        [FieldOffset(AtC)] public float* C;
        [FieldOffset(AtCRowBytes)] public nint CRowBytes;
        [FieldOffset(AtPrefetch)] public byte* Prefetch;
        [FieldOffset(AtPrefetchLines)] public nint PrefetchLines;
        [FieldOffset(AtPairs)] public nint Pairs;
    }
}
