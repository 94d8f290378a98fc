using System.ComponentModel;
using System.Numerics;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Coppice.Kernels.Emitted;

/// <summary><see cref="Q8_0"/> by vpdpbusd on 512 bits: 1 to 3 rows by a panel, all sums in registers; weights unsigned, activations signed.</summary>
internal sealed unsafe class Q8Vnni : Q8Kernel
{
    private const int MaxRows = 3, Units = 4, FirstSum = 0, FirstDot = 12, FirstWeight = 24, Broadcast = 28;

    private static readonly Lazy<(Q8Vnni? Kernel, string Note)> Of32 = new(() => Create(Q8Layout.Blocks32)), Of16 = new(() => Create(Q8Layout.Blocks16));

    private static readonly AssemblerRegisterZMM[] Z =
    [
        zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15,
        zmm16, zmm17, zmm18, zmm19, zmm20, zmm21, zmm22, zmm23, zmm24, zmm25, zmm26, zmm27, zmm28, zmm29, zmm30, zmm31,
    ];

    private readonly delegate* unmanaged[SuppressGCTransition]<Q8Arguments*, void>[] _shapes = new delegate* unmanaged[SuppressGCTransition]<Q8Arguments*, void>[MaxRows];

    private Q8Vnni(Q8Layout layout) : base(layout)
    {
        for (int i = 0; i < MaxRows; i++)
        {
            int rows = i + 1;
            _shapes[i] = (delegate* unmanaged[SuppressGCTransition]<Q8Arguments*, void>)ExecutableMemory.Load(EmittedFunction.Assemble([], code => Emit(code, rows)));
        }
    }

    /// <summary>For blocks of 32.</summary>
    public static Q8Vnni? Instance => Of32.Value.Kernel;

    public static string Note => Of32.Value.Note;

    public static Q8Vnni? Of(Q8Layout layout) => (layout.BlockInputs == 16 ? Of16 : Of32).Value.Kernel;

    public override int WeightBias => 128;

    public override string Name => "vpdpbusd, 512 bits";

    public override int StreamRows => MaxRows;

    protected override void MultiplyTile(byte* a, int rows, byte* b, int blocks, float* c, nint cRowFloats, bool add, byte* prefetch, int prefetchBytes)
    {
        Q8Arguments arguments = default;
        arguments.Blocks = blocks;
        arguments.B = b;
        arguments.CRowBytes = cRowFloats * sizeof(float);
        arguments.Add = add ? 1 : 0;
        int row = 0, parts = (rows + MaxRows - 1) / MaxRows;
        arguments.A = a;
        arguments.Prefetch = prefetch;
        arguments.PrefetchLines = (prefetchBytes / 64 + parts * blocks - 1) / (parts * blocks);
        for (; parts > 0; parts--)
        {
            int take = (rows - row + parts - 1) / parts;
            arguments.C = c + row * cRowFloats;
            arguments.Row = row;
            _shapes[take - 1](&arguments);
            row += take;
        }
    }

    private static (Q8Vnni?, string) Create(Q8Layout layout)
    {
        if (Isa.Width < 512 || Isa.Native < 512) return (null, $"Q8_0: no emitted code at {Isa.Width} bits");
        if (!Isa.HasInt8Dot) return (null, "Q8_0: no emitted code, the CPU lacks vpdpbusd");
        try
        {
            return (new Q8Vnni(layout), "Q8_0: emitted code, vpdpbusd");
        }
        catch (Win32Exception error)
        {
            return (null, $"Q8_0: no emitted code, the system refuses executable memory ({error.Message})");
        }
    }

    // rcx: arguments, rax: bytes of the first row in the record, r8: its scale and, behind it, its correction, rdx: the block, r9: blocks left.
    private void Emit(Assembler code, int rows)
    {
        Label zero = code.CreateLabel(), begun = code.CreateLabel(), top = code.CreateLabel();
        MoveSums(code, rows, zero, begun);
        code.mov(r8, __qword_ptr[rcx + Q8Arguments.AtA]);
        code.mov(r10, __qword_ptr[rcx + Q8Arguments.AtRow]);
        code.mov(rax, r10);
        code.shl(rax, (byte)BitOperations.Log2((uint)Layout.BlockInputs));
        code.add(rax, r8);
        code.lea(r8, __[r8 + r10 * 4 + Layout.ScalesAt]);
        code.mov(rdx, __qword_ptr[rcx + Q8Arguments.AtB]);
        code.mov(r9, __qword_ptr[rcx + Q8Arguments.AtBlocks]);

        code.Label(ref top);
        Label fetch = code.CreateLabel(), fetched = code.CreateLabel();
        code.mov(r10, __qword_ptr[rcx + Q8Arguments.AtPrefetch]);
        code.mov(r11, __qword_ptr[rcx + Q8Arguments.AtPrefetchLines]);
        code.test(r11, r11);
        code.je(fetched);
        code.Label(ref fetch);
        code.prefetcht1(__byte_ptr[r10]);
        code.add(r10, 64);
        code.dec(r11);
        code.jne(fetch);
        code.mov(__qword_ptr[rcx + Q8Arguments.AtPrefetch], r10);
        code.Label(ref fetched);
        for (int r = 0; r < rows; r++)
            for (int unit = 0; unit < Units; unit++)
                code.vpbroadcastd(Z[FirstDot + r * Units + unit], __dword_ptr[r8 + (Layout.CorrectionsAt - Layout.ScalesAt + r * 4)]);
        for (int quad = 0; quad < Layout.BlockInputs / 4; quad++)
        {
            for (int unit = 0; unit < Units; unit++)
                code.vmovups(Z[FirstWeight + unit], __zmmword_ptr[rdx + (quad * Q8Layout.QuadBytes + unit * 64)]);
            for (int r = 0; r < rows; r++)
            {
                code.vpbroadcastd(Z[Broadcast + r], __dword_ptr[rax + (r * Layout.BlockInputs + quad * 4)]);
                for (int unit = 0; unit < Units; unit++) code.vpdpbusd(Z[FirstDot + r * Units + unit], Z[FirstWeight + unit], Z[Broadcast + r]);
            }
        }
        for (int unit = 0; unit < Units; unit++) code.vmovups(Z[FirstWeight + unit], __zmmword_ptr[rdx + (Layout.WeightScalesAt + unit * 64)]);
        for (int r = 0; r < rows; r++)
        {
            code.vbroadcastss(Z[Broadcast], __dword_ptr[r8 + r * 4]);
            for (int unit = 0; unit < Units; unit++)
            {
                AssemblerRegisterZMM dot = Z[FirstDot + r * Units + unit], scale = Z[Broadcast + 1 + unit % 3];
                code.vcvtdq2ps(dot, dot);
                code.vmulps(scale, Z[Broadcast], Z[FirstWeight + unit]);
                code.vfmadd231ps(Z[FirstSum + r * Units + unit], dot, scale);
            }
        }
        code.add(rax, Layout.RecordBytes);
        code.add(r8, Layout.RecordBytes);
        code.add(rdx, Layout.WeightBlockBytes);
        code.dec(r9);
        code.jne(top);

        PointAtC(code);
        for (int r = 0; r < rows; r++)
        {
            for (int unit = 0; unit < Units; unit++) code.vmovups(__zmmword_ptr[r10 + unit * 64], Z[FirstSum + r * Units + unit]);
            code.add(r10, r11);
        }
    }

    private static void MoveSums(Assembler code, int rows, Label zero, Label begun)
    {
        PointAtC(code);
        code.cmp(__qword_ptr[rcx + Q8Arguments.AtAdd], 0);
        code.je(zero);
        for (int r = 0; r < rows; r++)
        {
            for (int unit = 0; unit < Units; unit++) code.vmovups(Z[FirstSum + r * Units + unit], __zmmword_ptr[r10 + unit * 64]);
            code.add(r10, r11);
        }
        code.jmp(begun);
        code.Label(ref zero);
        for (int i = 0; i < rows * Units; i++) code.vpxord(Z[FirstSum + i], Z[FirstSum + i], Z[FirstSum + i]);
        code.Label(ref begun);
    }

    private static void PointAtC(Assembler code)
    {
        code.mov(r10, __qword_ptr[rcx + Q8Arguments.AtC]);
        code.mov(r11, __qword_ptr[rcx + Q8Arguments.AtCRowBytes]);
    }
}
