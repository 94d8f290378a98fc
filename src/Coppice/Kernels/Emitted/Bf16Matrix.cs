using System.ComponentModel;
using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Coppice.Kernels.Emitted;

/// <summary>
/// bf16 products by AMX (tdpbf16ps): up to 32 rows by a panel of 64 columns. A step is 32 inputs: from zero, one chain of fused
/// multiply-adds over the even inputs and one over the odd ones; then their sum is added to C. All round to nearest, and numbers below the
/// normal range, given or resulting, count as zeros of the same sign. So <see cref="Reference"/>; the maker's manual says the same.
/// </summary>
internal sealed unsafe class Bf16Matrix
{
    public const int TileRows = 16, StepInputs = 32, MaxRows = 2 * TileRows;

    /// <summary>One step of 16 rows of A.</summary>
    public const int TileBytes = TileRows * StepInputs * sizeof(ushort);

    // Far enough ahead to be there in time when one row tile streams a panel from memory.
    private const int PrefetchBytes = 8192, PanelStepBytes = StepInputs / 2 * ColumnsBytes, ColumnsBytes = 256;

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
    /// <param name="rows">1 to 32.</param>
    /// <param name="b">[steps · 16][64][2] bf16.</param>
    /// <param name="steps">At least 1.</param>
    /// <param name="from">Null: the sums begin at zero. Else [rows][64].</param>
    /// <param name="fromRowFloats">At least 64.</param>
    /// <param name="c">[rows][64]. May be <paramref name="from"/>.</param>
    /// <param name="cRowFloats">At least 64.</param>
    public void Run(byte* a, nint rowTileBytes, int rows, byte* b, int steps, float* from, nint fromRowFloats, float* c, nint cRowFloats)
    {
        Arguments arguments = default;
        int first = Math.Min(rows, TileRows), second = rows - first;
        byte* configuration = arguments.Configuration;
        if (second == 0)
        {
            for (int i = 0; i < 4; i++) MatrixUnit.Shape(configuration, i, first, 64);
            MatrixUnit.Shape(configuration, 4, first, 64);
            for (int i = 5; i < 8; i++) MatrixUnit.Shape(configuration, i, StepInputs / 2, 64);
        }
        else
        {
            for (int i = 0; i < 2; i++) MatrixUnit.Shape(configuration, i, first, 64);
            for (int i = 2; i < 4; i++) MatrixUnit.Shape(configuration, i, second, 64);
            MatrixUnit.Shape(configuration, 4, first, 64);
            MatrixUnit.Shape(configuration, 5, second, 64);
            for (int i = 6; i < 8; i++) MatrixUnit.Shape(configuration, i, StepInputs / 2, 64);
        }
        arguments.A = a;
        arguments.ARowTileBytes = rowTileBytes;
        arguments.B = b;
        arguments.Steps = steps;
        arguments.From = from;
        arguments.FromRowBytes = fromRowFloats * sizeof(float);
        arguments.C = c;
        arguments.CRowBytes = cRowFloats * sizeof(float);
        if (second == 0) _one(&arguments);
        else _two(&arguments);
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
        const int steps = 2, columns = 64;
        ushort[] a = new ushort[MaxRows * steps * StepInputs], b = new ushort[steps * StepInputs * columns];
        fixed (ushort* pa = a, pb = b)
        {
            EmittedTile.Fill(DotFormat.BF16, (uint*)pa, a.Length / 2, 1);
            EmittedTile.Fill(DotFormat.BF16, (uint*)pb, b.Length / 2, 2);
            float* c = stackalloc float[MaxRows * columns];
            Run((byte*)pa, steps * TileBytes, MaxRows, (byte*)pb, steps, null, 0, c, columns);
            Span<ushort> row = stackalloc ushort[steps * StepInputs], column = stackalloc ushort[steps * StepInputs];
            for (int r = 0; r < MaxRows; r++)
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
        code.Label(ref top);
        code.tileloadd(tmm4, __[rax + r8 * 1]);
        AssemblerRegisterTMM[] sums = [tmm0, tmm1, tmm2, tmm3], columns = [tmm5, tmm6, tmm7, tmm5];
        for (int unit = 0; unit < 4; unit++)
        {
            code.tileloadd(columns[unit], __[rdx + r9 * 1 + unit * 64]);
            for (int line = 0; line < PanelStepBytes / 4; line += 64) code.prefetcht1(__byte_ptr[rdx + (PrefetchBytes + unit * (PanelStepBytes / 4) + line)]);
            code.tdpbf16ps(sums[unit], tmm4, columns[unit]);
        }
        code.add(rax, TileBytes);
        code.add(rdx, PanelStepBytes);
        code.dec(rcx);
        code.jne(top);
        MoveSums(code, load: false, [(tmm0, 0, false), (tmm1, 64, false), (tmm2, 128, false), (tmm3, 192, false)]);
        code.tilerelease();
        code.ret();
    }

    private static void EmitTwoRowTiles(Assembler code)
    {
        Begin(code);
        for (int pair = 0; pair < 2; pair++)
        {
            Label top = code.CreateLabel();
            int columnBytes = pair * 128;
            (AssemblerRegisterTMM, int, bool)[] sums = [(tmm0, columnBytes, false), (tmm1, columnBytes + 64, false), (tmm2, columnBytes, true), (tmm3, columnBytes + 64, true)];
            if (pair > 0) PointAtOperands(code);
            MoveSums(code, load: true, sums);
            code.Label(ref top);
            code.tileloadd(tmm4, __[rax + r8 * 1]);
            code.tileloadd(tmm6, __[rdx + r9 * 1 + columnBytes]);
            code.tdpbf16ps(tmm0, tmm4, tmm6);
            code.tileloadd(tmm7, __[rdx + r9 * 1 + (columnBytes + 64)]);
            code.tdpbf16ps(tmm1, tmm4, tmm7);
            code.tileloadd(tmm5, __[r10 + r8 * 1]);
            code.tdpbf16ps(tmm2, tmm5, tmm6);
            code.tdpbf16ps(tmm3, tmm5, tmm7);
            code.add(rax, TileBytes);
            code.add(r10, TileBytes);
            code.add(rdx, PanelStepBytes);
            code.dec(rcx);
            code.jne(top);
            MoveSums(code, load: false, sums);
        }
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
        public const int AtConfiguration = 0, AtA = 64, AtARowTileBytes = 72, AtB = 80, AtSteps = 88, AtFrom = 96, AtFromRowBytes = 104, AtC = 112, AtCRowBytes = 120;

        [FieldOffset(AtConfiguration)] public fixed byte Configuration[64];
        [FieldOffset(AtA)] public byte* A;
        [FieldOffset(AtARowTileBytes)] public nint ARowTileBytes;
        [FieldOffset(AtB)] public byte* B;
        [FieldOffset(AtSteps)] public nint Steps;
        [FieldOffset(AtFrom)] public float* From;
        [FieldOffset(AtFromRowBytes)] public nint FromRowBytes;
        [FieldOffset(AtC)] public float* C;
        [FieldOffset(AtCRowBytes)] public nint CRowBytes;
    }
}
