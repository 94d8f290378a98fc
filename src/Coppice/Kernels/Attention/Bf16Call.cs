using System.Runtime.InteropServices;

namespace Coppice.Kernels.Attention;

/// <summary>What one item of <see cref="Bf16FoldCode"/> works on: up to 16 rows, or 32 whole ones, by one block of 64 positions. The emitted code reads the fields at their offsets.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal unsafe struct Bf16Item
{
    public const int Bytes = 128;
    public const int AtQ = 0, AtKeys = 8, AtScores = 40, AtM = 48, AtL = 56, AtP = 64, AtValues0 = 72, AtValues1 = 80, AtO = 88, AtVisible = 96, AtAhead = 104, AtAheadPages = 112;

    /// <summary>[rows][D] bf16.</summary>
    [FieldOffset(AtQ)] public ushort* Q;

    /// <summary>Four pages, [D/2][16][2] bf16.</summary>
    [FieldOffset(AtKeys)] public byte* Keys0;
    [FieldOffset(AtKeys + 8)] public byte* Keys1;
    [FieldOffset(AtKeys + 16)] public byte* Keys2;
    [FieldOffset(AtKeys + 24)] public byte* Keys3;

    /// <summary>[32][64] floats.</summary>
    [FieldOffset(AtScores)] public float* Scores;

    /// <summary>[rows].</summary>
    [FieldOffset(AtM)] public float* M;

    /// <summary>[rows][16].</summary>
    [FieldOffset(AtL)] public float* L;

    /// <summary>[32][64] bf16.</summary>
    [FieldOffset(AtP)] public ushort* P;

    /// <summary>32 positions, [16][padded D][2] bf16.</summary>
    [FieldOffset(AtValues0)] public byte* Values0;
    [FieldOffset(AtValues1)] public byte* Values1;

    /// <summary>[rows][padded D].</summary>
    [FieldOffset(AtO)] public float* O;

    /// <summary>[rows]: positions of the block that a row sees. Not read by the code for whole items.</summary>
    [FieldOffset(AtVisible)] public int* Visible;

    /// <summary>Addresses of pages that are to be fetched meanwhile, of keys or of values.</summary>
    [FieldOffset(AtAhead)] public byte** Ahead;

    /// <summary>0 to 8 of them.</summary>
    [FieldOffset(AtAheadPages)] public nint AheadPages;
}

/// <summary>A call of <see cref="Bf16FoldCode"/> or of <see cref="Bf16Weighing"/>.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal unsafe struct Bf16Call
{
    public const int Bytes = 192;
    public const int AtConfiguration = 0, AtItem = 64, AtEnd = 72, AtRows = 96, AtRow = 104, AtLimit = 112, AtFirst = 120, AtKeptL = 128;

    /// <summary>Shapes of the tile registers.</summary>
    [FieldOffset(AtConfiguration)] public fixed byte Configuration[64];

    /// <summary>In: the first item. Out: the item at which a row's m must move, or <see cref="End"/>.</summary>
    [FieldOffset(AtItem)] public Bf16Item* Item;

    [FieldOffset(AtEnd)] public Bf16Item* End;

    /// <summary>1 to 16.</summary>
    [FieldOffset(AtRows)] public nint Rows;

    /// <summary>First row to weigh. Out: the row whose m must move, or <see cref="Rows"/>.</summary>
    [FieldOffset(AtRow)] public nint Row;

    /// <summary>Weights above it stop the code.</summary>
    [FieldOffset(AtLimit)] public float Limit;

    /// <summary>1: nothing is in flight yet. 0: the values of the item in front are still to be added, and the scores of a whole item are there.</summary>
    [FieldOffset(AtFirst)] public nint First;

    /// <summary>[32][16]: what l was before the item at which whole items stopped.</summary>
    [FieldOffset(AtKeptL)] public float* KeptL;
}
