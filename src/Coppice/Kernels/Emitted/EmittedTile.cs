using System.ComponentModel;
using Coppice.Memory;

namespace Coppice.Kernels.Emitted;

/// <summary>
/// <see cref="Tile"/> in machine code written at run time, for the dot products that .NET does not offer. The frame is that of Tile: a lane
/// of A, B and C is 32 bits, and what it holds is the <see cref="DotFormat"/>; so B of bf16 is [k/2][16 columns][2] per unit and of int8
/// [k/4][16][4], A is row-major, C holds floats or ints. The shapes of a format, 24 that fetch much ahead and 24 that fetch little, are made once, checked against
/// <see cref="Dot.Reference"/> on this CPU, and kept as long as the process lives.
/// </summary>
internal sealed unsafe class EmittedTile
{
    private const int MaxRows = Tile.MaxRows, Shapes = MaxRows * Tile.MaxUnits;

    // GC transitions would cost more than a small tile; a tile runs for a microsecond and calls nothing.
    private readonly delegate* unmanaged[SuppressGCTransition]<TileArguments*, void>[] _shapes = new delegate* unmanaged[SuppressGCTransition]<TileArguments*, void>[2 * Shapes];

    private static readonly Lazy<(EmittedTile? Tile, string Note)>[] Formats =
        [new(() => Create(DotFormat.F32)), new(() => Create(DotFormat.BF16)), new(() => Create(DotFormat.Int8))];

    private EmittedTile(DotFormat format)
    {
        var code = new List<byte>();
        var starts = new int[_shapes.Length];
        for (int i = 0; i < starts.Length; i++)
        {
            while (code.Count % 64 != 0) code.Add(0xCC);
            starts[i] = code.Count;
            code.AddRange(TileEmitter.Emit(format, i % Shapes / Tile.MaxUnits + 1, i % Tile.MaxUnits + 1, sparse: i >= Shapes));
        }
        nint memory = ExecutableMemory.Load(code.ToArray());
        for (int i = 0; i < starts.Length; i++) _shapes[i] = (delegate* unmanaged[SuppressGCTransition]<TileArguments*, void>)(memory + starts[i]);
    }

    /// <summary>The tile of a format, or null where this CPU, the system or COPPICE_ISA does not let it run; <see cref="Note"/> says why.</summary>
    public static EmittedTile? Of(DotFormat format) => Formats[(int)format].Value.Tile;

    /// <summary>A line for people: what runs, or why not.</summary>
    public static string Note(DotFormat format) => Formats[(int)format].Value.Note;

    /// <summary>C = A · B or C += A · B, as <see cref="Tile.Multiply"/> and <see cref="Tile.MultiplyAdd"/>; k counts lanes. Every step also fetches a little from
    /// <paramref name="prefetch"/>, any address, into the second-level cache; so what comes next streams in behind the arithmetic.</summary>
    public void Run(float* a, nint aRowFloats, int rows, in TileColumns b, int units, int k, float* c, nint cRowFloats, bool add, byte* prefetch = null, nint prefetchStepBytes = 0)
    {
        TileArguments arguments;
        arguments.Prefetch = prefetch;
        arguments.PrefetchStepBytes = prefetchStepBytes;
        arguments.A = a;
        arguments.ARowBytes = aRowFloats * sizeof(float);
        arguments.B0 = b.Unit0;
        arguments.B1 = b.Unit1;
        arguments.B2 = b.Unit2;
        arguments.B3 = b.Unit3;
        arguments.BStepBytes = b.StepFloats * sizeof(float);
        arguments.Steps = k;
        arguments.C = c;
        arguments.CRowBytes = cRowFloats * sizeof(float);
        arguments.Add = add ? 1 : 0;
        int first = 2 * prefetchStepBytes <= AlignedBuffer.AlignmentBytes ? Shapes : 0;
        for (int blocks = (rows + MaxRows - 1) / MaxRows; blocks > 0; blocks--)
        {
            int take = (rows + blocks - 1) / blocks;
            arguments.NextA = (byte*)(arguments.A + take * aRowFloats);
            _shapes[first + (take - 1) * Tile.MaxUnits + units - 1](&arguments);
            arguments.A += take * aRowFloats;
            arguments.C += take * cRowFloats;
            rows -= take;
        }
    }

    private static (EmittedTile?, string) Create(DotFormat format)
    {
        (bool has, string instruction) = format switch
        {
            DotFormat.F32 => (true, "vfmadd231ps"),
            DotFormat.BF16 => (Isa.HasBf16Dot, "vdpbf16ps"),
            _ => (Isa.HasInt8Dot, "vpdpbusd"),
        };
        if (Isa.Width < 512 || Isa.Native < 512) return (null, $"{format}: managed code at {Isa.Width} bits");
        if (!has) return (null, $"{format}: managed code, the CPU lacks {instruction}");
        try
        {
            var tile = new EmittedTile(format);
            return tile.AgreesWithReference(format)
                ? (tile, $"{format}: emitted code, {instruction}")
                : (null, $"{format}: managed code, this CPU's {instruction} rounds in another way");
        }
        catch (Win32Exception error)
        {
            return (null, $"{format}: managed code, the system refuses executable memory ({error.Message})");
        }
    }

    // The manuals of the makers leave room in how a bf16 dot product rounds, and the managed code must give the same bits.
    private bool AgreesWithReference(DotFormat format)
    {
        const int k = 16, columns = Tile.UnitFloats * Tile.MaxUnits;
        float* a = stackalloc float[MaxRows * k], b = stackalloc float[k * columns], c = stackalloc float[MaxRows * columns];
        Fill(format, (uint*)a, MaxRows * k, 1);
        Fill(format, (uint*)b, k * columns, 2);
        Run(a, k, MaxRows, TileColumns.SideBySide(b, columns), Tile.MaxUnits, k, c, columns, add: false);
        for (int r = 0; r < MaxRows; r++)
        {
            for (int j = 0; j < columns; j++)
            {
                uint sum = 0;
                for (int i = 0; i < k; i++) sum = Dot.Reference(format, ((uint*)a)[r * k + i], ((uint*)b)[i * columns + j], sum);
                if (((uint*)c)[r * columns + j] != sum) return false;
            }
        }
        return true;
    }

    /// <summary>Numbers of a format from a fixed generator: floats of mixed sign and magnitude, or any bytes.</summary>
    internal static void Fill(DotFormat format, uint* lanes, int count, uint seed)
    {
        uint state = seed * 0x9E3779B9 + 1;
        for (int i = 0; i < count; i++)
        {
            uint bits = Next(ref state);
            if (format == DotFormat.BF16) bits = (bits & 0x83FF83FF) | 0x3C003C00;         // ± 2^-7 to 2^1
            else if (format == DotFormat.F32) bits = (bits & 0x83FFFFFF) | 0x3C000000;
            lanes[i] = bits;
        }

        static uint Next(ref uint state)
        {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            return state;
        }
    }
}
