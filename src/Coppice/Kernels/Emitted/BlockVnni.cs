using System.ComponentModel;
using System.Numerics;
using System.Runtime.InteropServices;
using Coppice.Loading;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Coppice.Kernels.Emitted;

/// <summary>
/// Few rows by a panel of <see cref="BlockPanels"/> in one pass over its bytes: planes of bits are taken apart in registers and go into
/// vpdpbusd at once, so that a panel is read from memory and nothing else. Stored integers stay unsigned; what a format takes off them comes
/// off the sums, as a multiple of the activations' sum. The bits are those of <see cref="Q8Kernel"/> over expanded blocks.
/// </summary>
internal sealed unsafe class BlockVnni
{
    /// <summary>Rows of one call; their sums fill half the registers.</summary>
    public const int MaxRows = 4;

    private const int Units = 4, PieceInputs = BlockPanels.PlaneInputs, FirstDot = 16, FirstD = 24, Line = 64;

    // Far enough that memory answers in time, near enough to stay in the second-level cache.
    private const int PrefetchBytes = 8192;

    private static readonly AssemblerRegisterZMM[] Z =
    [
        zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15,
        zmm16, zmm17, zmm18, zmm19, zmm20, zmm21, zmm22, zmm23, zmm24, zmm25, zmm26, zmm27, zmm28, zmm29, zmm30, zmm31,
    ];

    private static readonly Dictionary<WeightType, Lazy<BlockVnni?>> s_byType =
        BlockFormat.All.Where(format => format.Bits < 8).ToDictionary(format => format.Type, format => new Lazy<BlockVnni?>(() => Create(format, Isa.HasBitMatrix)));

    private readonly BlockFormat _format;
    private readonly BlockPanels _panels;
    private readonly Q8Layout _layout;
    private readonly bool _hasBitMatrix;

    private readonly delegate* unmanaged[SuppressGCTransition]<Arguments*, void>[] _shapes = new delegate* unmanaged[SuppressGCTransition]<Arguments*, void>[MaxRows];

    private BlockVnni(BlockFormat format, bool hasBitMatrix)
    {
        (_format, _panels, _hasBitMatrix) = (format, new BlockPanels(format), hasBitMatrix);
        _layout = _panels.Layout;
        for (int i = 0; i < MaxRows; i++)
        {
            int rows = i + 1;
            _shapes[i] = (delegate* unmanaged[SuppressGCTransition]<Arguments*, void>)ExecutableMemory.Load(EmittedFunction.Assemble([], code => Emit(code, rows)));
        }
    }

    /// <summary>Null where the CPU, the system or COPPICE_ISA does not let it run.</summary>
    public static BlockVnni? Of(WeightType type) => s_byType[type].Value;

    /// <summary>c = a · panel.</summary>
    /// <param name="a">Records of one row tile, <see cref="Q8Activations"/>.</param>
    /// <param name="rows">1 to 4, the tile's first.</param>
    /// <param name="panel">Of <see cref="BlockPanels"/>.</param>
    /// <param name="inputs">Whole blocks.</param>
    /// <param name="c">[rows][64], rows <paramref name="cRowFloats"/> apart.</param>
    /// <param name="cRowFloats">At least 64.</param>
    public void Multiply(byte* a, int rows, byte* panel, int inputs, float* c, nint cRowFloats)
    {
        var arguments = new Arguments { A = a, B = panel, Pieces = inputs / PieceInputs, C = c, CRowBytes = cRowFloats * sizeof(float) };
        for (int i = 0; i < 4; i++) arguments.Shifts[i] = ShiftMatrix(2 * i, LowerBits);
        _shapes[rows - 1](&arguments);
    }

    /// <summary>As <see cref="Of"/>, a new one.</summary>
    internal static BlockVnni? Create(BlockFormat format, bool hasBitMatrix)
    {
        // The instruction was compared with the definition there.
        if (!Q8Kernel.AllOf(new Q8Layout(format.GroupElements)).Any(kernel => kernel is Q8Vnni)) return null;
        try
        {
            return new BlockVnni(format, hasBitMatrix);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    private bool HasCodebook => _format.Codebook.Length > 0;

    private bool SplitsPieces => _layout.BlockInputs < PieceInputs;

    private int RecordsOfPiece => PieceInputs / _layout.BlockInputs;

    private static AssemblerRegisterZMM LowerMask => zmm28;

    // One of them, as the format needs. A float is chosen by four bits, whatever stands above them: a scale of Q2_K, a min over it.
    private static AssemblerRegisterZMM UpperMask => zmm29;

    private static AssemblerRegisterZMM Table => zmm29;

    private static AssemblerRegisterZMM Floats => zmm29;

    private int LowerBits => _format.Bits <= 3 ? 2 : 4;

    private int UpperBits => _format.Bits - LowerBits;

    // rcx: arguments, rax: record, rdx: step, r9: pieces left in the part; with blocks of 256, whose step is a part, r8: planes and
    // r10: integer scales or mins; else r10 and r11: the part's first record and step.
    private void Emit(Assembler code, int rows)
    {
        Fill(code, LowerMask, LowerBits == 2 ? 0x03030303u : 0x0F0F0F0Fu);
        if (HasCodebook) FillTable(code);
        else if (_panels.SharesBytes) FillFloats(code);
        else if (UpperBits > 0) Fill(code, UpperMask, UpperBits switch { 1 => 0x01010101u << LowerBits, _ => 0x30303030u });
        for (int i = 0; i < rows * Units; i++) code.vpxord(Z[i], Z[i], Z[i]);
        code.mov(rax, __qword_ptr[rcx + Arguments.AtA]);
        code.mov(rdx, __qword_ptr[rcx + Arguments.AtB]);

        Label part = code.CreateLabel();
        code.Label(ref part);
        BeginPart(code);
        Label piece = code.CreateLabel();
        code.Label(ref piece);
        Piece(code, rows);
        code.dec(r9);
        code.jne(piece);
        if (_format.HasMins) Mins(code, rows);
        if (_panels.HasScales) code.add(rdx, _panels.StepBytes);
        code.mov(r9, __qword_ptr[rcx + Arguments.AtPieces]);
        code.sub(r9, BlockWeights.PartInputs / PieceInputs);
        code.mov(__qword_ptr[rcx + Arguments.AtPieces], r9);
        code.jg(part);

        code.mov(r10, __qword_ptr[rcx + Arguments.AtC]);
        code.mov(r11, __qword_ptr[rcx + Arguments.AtCRowBytes]);
        for (int r = 0; r < rows; r++)
        {
            for (int unit = 0; unit < Units; unit++) code.vmovups(__zmmword_ptr[r10 + unit * 64], Sum(r, unit));
            if (r < rows - 1) code.add(r10, r11);
        }
    }

    private void BeginPart(Assembler code)
    {
        CountPieces(code);
        if (_panels.HasScales)
        {
            code.lea(r8, __[rdx + _panels.PlanesAt]);
            code.lea(r10, __[rdx + _panels.ScalesAt]);
            Halves(code, 0);
            for (int unit = 0; unit < Units; unit++) Prefetch(code, rdx, _panels.PlanesAt, unit);
        }
        else if (_format.HasMins)
        {
            code.mov(r10, rax);
            code.mov(r11, rdx);
        }
    }

    private void CountPieces(Assembler code)
    {
        const int most = BlockWeights.PartInputs / PieceInputs;
        if (_panels.HasScales)
        {
            code.mov(r9d, most);
            return;
        }
        Label few = code.CreateLabel();
        code.mov(r9, __qword_ptr[rcx + Arguments.AtPieces]);
        code.cmp(r9, most);
        code.jle(few);
        code.mov(r9d, most);
        code.Label(ref few);
        code.nop();
    }

    // 32 inputs: one record and one scale, or two.
    private void Piece(Assembler code, int rows)
    {
        if (!_panels.HasScales) Halves(code, 0);
        for (int unit = 0; unit < Units; unit++)
        {
            if (_panels.HasScales) Prefetch(code, r8, _panels.PlaneBytes, unit);
            else Prefetch(code, rdx, _panels.StepBytes, unit);
            for (int record = 0; record < RecordsOfPiece; record++)
                for (int r = 0; r < rows; r++) BeginDot(code, Dot(record, r), RecordAt(record) + _layout.CorrectionsAt + r * sizeof(int));
            for (int quad = 0; quad < PieceInputs / 4; quad++)
            {
                // Quads p and p + 4 lie in one byte: they are taken in turn, from one line.
                int at = quad / 2 + quad % 2 * 4, record = SplitsPieces ? at / 4 : 0, quadOfRecord = SplitsPieces ? at % 4 : at;
                Take(code, at, unit);
                for (int r = 0; r < rows; r++)
                    code.vpdpbusd(Dot(record, r), zmm30, __dword_bcst[rax + (RecordAt(record) + r * _layout.BlockInputs + quadOfRecord * 4)]);
            }
            for (int record = 0; record < RecordsOfPiece; record++) Scale(code, rows, record, unit);
        }
        code.add(rax, RecordsOfPiece * _layout.RecordBytes);
        if (_panels.HasScales)
        {
            code.add(r8, _panels.PlaneBytes);
            code.add(r10, RecordsOfPiece * LinearWeights.PanelOutputs);
        }
        else
        {
            code.add(rdx, _panels.StepBytes);
        }
    }

    // The correction is -128 times the sum of the activations.
    private void BeginDot(Assembler code, AssemblerRegisterZMM dot, int correctionAt)
    {
        if (HasCodebook) code.vpbroadcastd(dot, __dword_ptr[rax + correctionAt]);
        else if (_format.Offset > 0) code.vpsrad(dot, __dword_bcst[rax + correctionAt], (byte)BitOperations.Log2((uint)(128 / _format.Offset)));
        else code.vpxord(dot, dot, dot);
    }

    // zmm30 = a quad of a unit in bytes; where the planes keep it, IBitPlanes says.
    private void Take(Assembler code, int quad, int unit)
    {
        AssemblerRegister64 planes = _panels.HasScales ? r8 : rdx;
        int from = (_panels.HasScales ? 0 : _panels.PlanesAt) + unit * Line, two = quad % 4 / 2 * 2 + quad / 4 * 4;
        AssemblerMemoryOperand plane(int index) => __zmmword_ptr[planes + (from + index * Q8Layout.QuadBytes)];
        int shift = LowerBits == 2 ? two : quad / 4 * 4;
        AssemblerMemoryOperand lower = plane(LowerBits == 2 ? quad % 2 : quad % 4);
        if (shift == 0)
        {
            code.vpandd(zmm30, LowerMask, lower);
        }
        else if (_hasBitMatrix)
        {
            code.vmovups(zmm30, lower);
            code.vgf2p8affineqb(zmm30, zmm30, __qword_bcst[rcx + (Arguments.AtShifts + shift / 2 * sizeof(ulong))], 0);
        }
        else
        {
            code.vpsrld(zmm30, lower, (byte)shift);
            code.vpandd(zmm30, zmm30, LowerMask);
        }
        if (HasCodebook) code.vpshufb(zmm30, Table, zmm30);
        if (UpperBits == 0) return;

        // Up to where the lower bits end.
        int left = LowerBits - (UpperBits == 2 ? two : quad);
        AssemblerMemoryOperand upper = plane(LowerBits == 2 ? 2 : UpperBits == 2 ? 4 + quad % 2 : 4);
        if (left > 0) code.vpslld(zmm31, upper, (byte)left);
        else if (left < 0) code.vpsrld(zmm31, upper, (byte)-left);
        else code.vmovups(zmm31, upper);
        code.vpternlogd(zmm30, zmm31, UpperMask, 0xF8); // zmm30 | zmm31 & UpperMask
    }

    private void Scale(Assembler code, int rows, int record, int unit)
    {
        AssemblerRegisterZMM scale = D(unit);
        if (_panels.HasScales)
        {
            scale = zmm30;
            AssemblerMemoryOperand integers = __xmmword_ptr[r10 + (record * LinearWeights.PanelOutputs + unit * 16)];
            if (_panels.SharesBytes)
            {
                code.vpmovzxbd(scale, integers);
                code.vpermps(scale, scale, Floats);
            }
            else
            {
                code.vpmovsxbd(scale, integers);
                code.vcvtdq2ps(scale, scale);
            }
            code.vmulps(scale, scale, D(unit));
        }
        for (int r = 0; r < rows; r++)
        {
            code.vcvtdq2ps(Dot(record, r), Dot(record, r));
            code.vmulps(zmm31, scale, __dword_bcst[rax + (RecordAt(record) + _layout.ScalesAt + r * sizeof(float))]);
            code.vfmadd231ps(Sum(r, unit), Dot(record, r), zmm31);
        }
    }

    // Over the part once more: its mins by the sums of the activations.
    private void Mins(Assembler code, int rows)
    {
        if (_panels.HasScales)
        {
            code.sub(rax, BlockWeights.PartInputs / _layout.BlockInputs * _layout.RecordBytes);
            code.lea(r10, __[rdx + _panels.MinsAt]);
            Halves(code, BlockPanels.HalvesBytes);
        }
        else
        {
            code.mov(rax, r10);
            code.mov(rdx, r11);
        }
        CountPieces(code);
        Label piece = code.CreateLabel();
        code.Label(ref piece);
        if (!_panels.HasScales) Halves(code, BlockPanels.HalvesBytes);
        for (int record = 0; record < RecordsOfPiece; record++)
        {
            for (int r = 0; r < rows; r++)
            {
                code.vpsrad(zmm30, __dword_bcst[rax + (RecordAt(record) + _layout.CorrectionsAt + r * sizeof(int))], 7);
                code.vpxord(zmm31, zmm31, zmm31);
                code.vpsubd(zmm30, zmm31, zmm30);
                code.vcvtdq2ps(zmm30, zmm30);
                code.vmulps(Dot(0, r), zmm30, __dword_bcst[rax + (RecordAt(record) + _layout.ScalesAt + r * sizeof(float))]);
            }
            for (int unit = 0; unit < Units; unit++)
            {
                AssemblerRegisterZMM min = D(unit);
                if (_panels.HasScales)
                {
                    min = zmm30;
                    code.vpmovzxbd(min, __xmmword_ptr[r10 + (record * LinearWeights.PanelOutputs + unit * 16)]);
                    if (_panels.SharesBytes) code.vpsrld(min, min, 4);
                    code.vcvtdq2ps(min, min);
                    code.vmulps(min, min, D(unit));
                }
                for (int r = 0; r < rows; r++) code.vfmadd231ps(Sum(r, unit), Dot(0, r), min);
            }
        }
        code.add(rax, RecordsOfPiece * _layout.RecordBytes);
        if (_panels.HasScales) code.add(r10, RecordsOfPiece * LinearWeights.PanelOutputs);
        else code.add(rdx, _panels.StepBytes);
        code.dec(r9);
        code.jne(piece);
    }

    private static void Halves(Assembler code, int at)
    {
        for (int unit = 0; unit < Units; unit++) code.vcvtph2ps(D(unit), __ymmword_ptr[rdx + (at + unit * 32)]);
    }

    // A quarter of what lies so far ahead: all at once would hold up the loads between.
    private static void Prefetch(Assembler code, AssemblerRegister64 from, int bytes, int quarter)
    {
        for (int at = quarter * Line; at < bytes; at += Units * Line) code.prefetcht1(__byte_ptr[from + (PrefetchBytes + at)]);
    }

    private static void Fill(Assembler code, AssemblerRegisterZMM register, uint lane)
    {
        code.mov(r9d, lane);
        code.vpbroadcastd(register, r9d);
    }

    // What four bits stand for, unsigned: 128 larger.
    private void FillTable(Assembler code)
    {
        Span<byte> table = stackalloc byte[16];
        for (int i = 0; i < table.Length; i++) table[i] = (byte)(_format.Codebook[i] + 128);
        ReadOnlySpan<ulong> halves = MemoryMarshal.Cast<byte, ulong>(table);
        code.mov(r9, halves[0]);
        code.vmovq(xmm0, r9);
        code.mov(r9, halves[1]);
        code.vpinsrq(xmm0, xmm0, r9, 1);
        code.vshufi32x4(Table, zmm0, zmm0, 0);
    }

    // Of vgf2p8affineqb: bit i of the result is bit i + shift. Byte 7 - i of a matrix chooses what goes into bit i.
    private static ulong ShiftMatrix(int shift, int bits)
    {
        ulong matrix = 0;
        for (int i = 0; i < bits && i + shift < 8; i++) matrix |= 1UL << ((7 - i) * 8 + i + shift);
        return matrix;
    }

    // 0 to 15.
    private static void FillFloats(Assembler code)
    {
        code.mov(r9, 0x0706050403020100);
        code.vmovq(xmm0, r9);
        code.mov(r9, 0x0F0E0D0C0B0A0908);
        code.vpinsrq(xmm0, xmm0, r9, 1);
        code.vpmovzxbd(Floats, xmm0);
        code.vcvtdq2ps(Floats, Floats);
    }

    private int RecordAt(int record) => record * _layout.RecordBytes;

    private static AssemblerRegisterZMM Sum(int row, int unit) => Z[row * Units + unit];

    private static AssemblerRegisterZMM Dot(int record, int row) => Z[FirstDot + record * MaxRows + row];

    private static AssemblerRegisterZMM D(int unit) => Z[FirstD + unit];

    /// <summary>The emitted code reads these fields at their offsets.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Arguments
    {
        public const int AtA = 0, AtB = 8, AtPieces = 16, AtC = 24, AtCRowBytes = 32, AtShifts = 40;

        public byte* A, B;

        /// <summary>32 inputs each; counted down.</summary>
        public nint Pieces;
        public float* C;
        public nint CRowBytes;

        /// <summary>Of 0, 2, 4 and 6 bits: what brings a byte's bits from there to its lower end and drops the others.</summary>
        public fixed ulong Shifts[4];
    }
}
