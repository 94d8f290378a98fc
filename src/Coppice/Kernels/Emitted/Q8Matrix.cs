using System.ComponentModel;
using System.Numerics;
using System.Runtime.CompilerServices;
using Coppice.Memory;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Coppice.Kernels.Emitted;

/// <summary>
/// <see cref="Q8_0"/> by AMX (tdpbssd): 1 to 16 rows by a panel. The integer sums of a block leave the tile registers through memory, and
/// vectors scale them; few rows take several units of 16 columns at a time, many rows several blocks, so that four tiles are under way.
/// </summary>
internal sealed unsafe class Q8Matrix : Q8Kernel
{
    private const int MaxRows = Q8Activations.TileRows, SumTiles = 4, TileBytes = 1024;

    private static readonly Lazy<(Q8Matrix? Kernel, string Note)> Only = new(Create);

    private static readonly AssemblerRegisterZMM[] Z = [zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15];
    private static readonly AssemblerRegisterZMM[] Dots = [zmm20, zmm22, zmm24, zmm26], Scales = [zmm21, zmm23, zmm25, zmm27];
    private static readonly AssemblerRegisterTMM[] Sums = [tmm0, tmm1, tmm2, tmm3], A = [tmm4, tmm5], B = [tmm6, tmm7];

    private readonly delegate* unmanaged[SuppressGCTransition]<Q8Arguments*, void>[] _shapes = new delegate* unmanaged[SuppressGCTransition]<Q8Arguments*, void>[MaxRows];

    private Q8Matrix() : base(Q8Layout.Blocks32)
    {
        for (int i = 0; i < MaxRows; i++)
        {
            int rows = i + 1;
            _shapes[i] = (delegate* unmanaged[SuppressGCTransition]<Q8Arguments*, void>)MatrixUnit.Load(code => Emit(code, rows));
        }
    }

    public static Q8Matrix? Instance => Only.Value.Kernel;

    public static string Note => Only.Value.Note;

    public override string Name => "tdpbssd";

    public override int StreamRows => 4;

    /// <summary>Whole row tiles in one call: to configure the tile registers and to release them takes as long as a block or two.</summary>
    public override void Multiply(byte* a, nint tileBytes, int rows, byte* b, int blocks, float* c, nint cRowFloats, bool add, byte* prefetch, int prefetchBytes)
    {
        int whole = rows / MaxRows, share = prefetchBytes / Tiles(rows);
        if (whole > 0) MultiplyTiles(a, tileBytes, whole, MaxRows, b, blocks, c, cRowFloats, add, prefetch, share);
        if (rows % MaxRows != 0) MultiplyTile(a + whole * tileBytes, rows % MaxRows, b, blocks, c + whole * MaxRows * cRowFloats, cRowFloats, add, prefetch + whole * share, share);
    }

    protected override void MultiplyTile(byte* a, int rows, byte* b, int blocks, float* c, nint cRowFloats, bool add, byte* prefetch, int prefetchBytes) =>
        MultiplyTiles(a, 0, 1, rows, b, blocks, c, cRowFloats, add, prefetch, prefetchBytes);

    [SkipLocalsInit]
    private void MultiplyTiles(byte* a, nint tileBytes, int tiles, int rows, byte* b, int blocks, float* c, nint cRowFloats, bool add, byte* prefetch, int prefetchBytes)
    {
        byte* sums = stackalloc byte[SumTiles * TileBytes + AlignedBuffer.AlignmentBytes];
        Q8Arguments arguments = default;
        for (int i = 0; i < 4; i++) MatrixUnit.Shape(arguments.Configuration, i, rows, 64);
        for (int i = 4; i < 6; i++) MatrixUnit.Shape(arguments.Configuration, i, rows, Layout.BlockInputs);
        for (int i = 6; i < 8; i++) MatrixUnit.Shape(arguments.Configuration, i, Layout.BlockInputs / 4, 64);
        arguments.A = a;
        arguments.B = b;
        arguments.Blocks = blocks;
        arguments.C = c;
        arguments.CRowBytes = cRowFloats * sizeof(float);
        arguments.Add = add ? 1 : 0;
        arguments.Sums = (int*)(((nint)sums + AlignedBuffer.AlignmentBytes - 1) & ~(AlignedBuffer.AlignmentBytes - 1));
        int groups = SumTiles / UnitsTogether(rows) * Math.Max(1, blocks / (SumTiles / UnitsTogether(rows)));
        arguments.Prefetch = arguments.TilePrefetch = prefetch;
        arguments.TilePrefetchBytes = prefetchBytes;
        arguments.Tiles = tiles;
        arguments.TileBytes = tileBytes;
        arguments.PrefetchLines = (prefetchBytes / 64 + groups - 1) / groups;
        _shapes[rows - 1](&arguments);
    }

    private static (Q8Matrix?, string) Create()
    {
        if ((MatrixUnit.WhyNot ?? (Isa.HasMatrixInt8 ? null : "the CPU lacks tdpbssd")) is { } reason) return (null, $"Q8_0: no AMX, {reason}");
        try
        {
            return (new Q8Matrix(), "Q8_0: emitted code, tdpbssd");
        }
        catch (Win32Exception error)
        {
            return (null, $"Q8_0: no AMX, the system refuses executable memory ({error.Message})");
        }
    }

    // The 16 sums of vectors are a row each, or of fewer rows several units.
    private static int UnitsTogether(int rows) => rows <= 4 ? 4 : rows <= 8 ? 2 : 1;

    // rdi: arguments, rax: record of A, rdx: block of B, rcx: blocks left, rsi: integer sums, r8, r9 and r11: row bytes of A, B and the sums.
    private void Emit(Assembler code, int rows)
    {
        int units = UnitsTogether(rows), together = SumTiles / units;
        Label nextTile = code.CreateLabel();
        code.push(rbx);
        code.ldtilecfg(__[rdi + Q8Arguments.AtConfiguration]);
        code.mov(r8d, Layout.BlockInputs);
        code.mov(r9d, Q8Layout.QuadBytes);
        code.mov(r11d, 64);
        code.mov(rsi, __qword_ptr[rdi + Q8Arguments.AtSums]);
        code.Label(ref nextTile);
        for (int unit = 0; unit < SumTiles; unit += units)
        {
            Label top = code.CreateLabel(), rest = code.CreateLabel(), done = code.CreateLabel();
            Begin(code, rows, unit, units);
            code.mov(rax, __qword_ptr[rdi + Q8Arguments.AtA]);
            code.mov(rdx, __qword_ptr[rdi + Q8Arguments.AtB]);
            code.mov(rcx, __qword_ptr[rdi + Q8Arguments.AtBlocks]);
            if (together > 1)
            {
                code.Label(ref top);
                code.cmp(rcx, together);
                code.jl(rest);
                Blocks(code, rows, unit, units, together);
                code.jmp(top);
            }
            code.Label(ref rest);
            code.test(rcx, rcx);
            code.je(done);
            Blocks(code, rows, unit, units, 1);
            code.jmp(rest);
            code.Label(ref done);
            PointAtC(code);
            ForEachSum(code, rows, units, (sum, at) => code.vmovups(__zmmword_ptr[r10 + (unit + at) * 64], sum));
        }
        if (rows == MaxRows) NextTile(code, nextTile);
        code.tilerelease();
        code.vzeroupper();
        code.pop(rbx);
        code.ret();
    }

    private void Blocks(Assembler code, int rows, int firstUnit, int units, int blocks)
    {
        for (int block = 0; block < blocks; block++)
        {
            for (int unit = 0; unit < units; unit++)
            {
                int tile = block * units + unit;
                code.tilezero(Sums[tile]);
                if (unit == 0) code.tileloadd(A[block % 2], __[rax + r8 * 1 + block * Layout.RecordBytes]);
                code.tileloadd(B[tile % 2], __[rdx + r9 * 1 + (block * Layout.WeightBlockBytes + (firstUnit + unit) * 64)]);
                if (units == SumTiles)
                    for (int line = 0; line < Layout.WeightBlockBytes / SumTiles; line += 64) code.prefetcht1(__byte_ptr[rdx + (4 * Layout.WeightBlockBytes + unit * (Layout.WeightBlockBytes / SumTiles) + line)]);
                code.tdpbssd(Sums[tile], A[block % 2], B[tile % 2]);
            }
        }
        if (units < SumTiles) Fetch(code);
        for (int tile = 0; tile < blocks * units; tile++) code.tilestored(__[rsi + r11 * 1 + tile * TileBytes], Sums[tile]);
        for (int block = 0; block < blocks; block++)
        {
            for (int unit = 0; unit < units; unit++)
            {
                code.vmovups(zmm16, __zmmword_ptr[rdx + (block * Layout.WeightBlockBytes + Layout.WeightScalesAt + (firstUnit + unit) * 64)]);
                for (int r = 0; r < rows; r++)
                {
                    AssemblerRegisterZMM dot = Dots[r % Dots.Length], scale = Scales[r % Scales.Length];
                    code.vcvtdq2ps(dot, __zmmword_ptr[rsi + ((block * units + unit) * TileBytes + r * 64)]);
                    code.vmulps(scale, zmm16, __dword_bcst[rax + (block * Layout.RecordBytes + Layout.ScalesAt + r * 4)]);
                    code.vfmadd231ps(Z[r * units + unit], dot, scale);
                }
            }
        }
        code.add(rax, blocks * Layout.RecordBytes);
        code.add(rdx, blocks * Layout.WeightBlockBytes);
        code.sub(rcx, blocks);
    }

    private static void Fetch(Assembler code)
    {
        Label fetch = code.CreateLabel(), fetched = code.CreateLabel();
        code.mov(r10, __qword_ptr[rdi + Q8Arguments.AtPrefetch]);
        code.mov(rbx, __qword_ptr[rdi + Q8Arguments.AtPrefetchLines]);
        code.test(rbx, rbx);
        code.je(fetched);
        code.Label(ref fetch);
        code.prefetcht1(__byte_ptr[r10]);
        code.add(r10, 64);
        code.dec(rbx);
        code.jne(fetch);
        code.mov(__qword_ptr[rdi + Q8Arguments.AtPrefetch], r10);
        code.Label(ref fetched);
    }

    private static void NextTile(Assembler code, Label nextTile)
    {
        code.mov(rax, __qword_ptr[rdi + Q8Arguments.AtTileBytes]);
        code.add(__qword_ptr[rdi + Q8Arguments.AtA], rax);
        code.mov(rax, __qword_ptr[rdi + Q8Arguments.AtCRowBytes]);
        code.shl(rax, (byte)BitOperations.Log2(MaxRows));
        code.add(__qword_ptr[rdi + Q8Arguments.AtC], rax);
        code.mov(rax, __qword_ptr[rdi + Q8Arguments.AtTilePrefetch]);
        code.add(rax, __qword_ptr[rdi + Q8Arguments.AtTilePrefetchBytes]);
        code.mov(__qword_ptr[rdi + Q8Arguments.AtTilePrefetch], rax);
        code.mov(__qword_ptr[rdi + Q8Arguments.AtPrefetch], rax);
        code.dec(__qword_ptr[rdi + Q8Arguments.AtTiles]);
        code.jne(nextTile);
    }

    private static void Begin(Assembler code, int rows, int firstUnit, int units)
    {
        Label zero = code.CreateLabel(), begun = code.CreateLabel();
        PointAtC(code);
        code.cmp(__qword_ptr[rdi + Q8Arguments.AtAdd], 0);
        code.je(zero);
        ForEachSum(code, rows, units, (sum, at) => code.vmovups(sum, __zmmword_ptr[r10 + (firstUnit + at) * 64]));
        code.jmp(begun);
        code.Label(ref zero);
        for (int i = 0; i < rows * units; i++) code.vpxord(Z[i], Z[i], Z[i]);
        code.Label(ref begun);
    }

    private static void PointAtC(Assembler code) => code.mov(r10, __qword_ptr[rdi + Q8Arguments.AtC]);

    private static void ForEachSum(Assembler code, int rows, int units, Action<AssemblerRegisterZMM, int> move)
    {
        for (int r = 0; r < rows; r++)
        {
            for (int unit = 0; unit < units; unit++) move(Z[r * units + unit], unit);
            if (r < rows - 1) code.add(r10, __qword_ptr[rdi + Q8Arguments.AtCRowBytes]);
        }
    }
}
