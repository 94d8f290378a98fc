using Coppice.Attention;
using Coppice.KvCache;

namespace Coppice.Kernels.Attention;

/// <summary>
/// Query rows of one KV head and their states. A state is (m, l, o): a reference near the running maximum of the scores,
/// the running sum of the weights 2^(s - m), and the sum of weighted values, not yet divided by l (Milakov and
/// Gimelshein 2018; Dao et al. 2022).
/// </summary>
internal readonly unsafe struct HeadRows(float* q, float* m, float* l, float* o, int* positions, int d, int paddedD, AttentionRule rule = default)
{
    /// <summary>[rows][D], scaled by <see cref="AttentionRule.QueryFactor"/>, so that weights are powers of two; for <see cref="Bf16DotFold"/> rounded, [rows][D/2] pairs.</summary>
    public readonly float* Q = q;

    /// <summary>[rows]; -inf before the first block.</summary>
    public readonly float* M = m;

    /// <summary>[rows][16]; 0 before the first block. Position t adds to lane t mod 16; their sum is l.</summary>
    public readonly float* L = l;

    /// <summary>[rows][padded D]; 0 before the first block.</summary>
    public readonly float* O = o;

    /// <summary>[rows]; a row sees the positions up to its own.</summary>
    public readonly int* Positions = positions;

    /// <summary>How many of them at most, the nearest; 0: all.</summary>
    public readonly int Window = rule.Window;

    /// <summary>Scores go towards ± this; 0: as they are.</summary>
    public readonly float Cap = rule.ScoreCap;

    public readonly int D = d;

    public readonly int PaddedD = paddedD;

    /// <summary>First position that a row sees.</summary>
    public int FirstSeen(int row) => AttentionRule.FirstSeen(Positions[row], Window);

    /// <summary>True if the row sees some position of a block.</summary>
    public bool Sees(int row, int startPosition) => Positions[row] >= startPosition && FirstSeen(row) < startPosition + KvLayout.BlockTokens;
}

/// <summary>
/// Keys and values of 64 positions of one KV head: four pages of keys and of values, as <see cref="KvLayout"/> has them; for
/// <see cref="BlockFold"/> always in floats, keys [D][16], rows <see cref="KeyStepFloats"/> apart, and values [16][padded D]. In bf16 a float
/// stands for a pair.
/// </summary>
internal unsafe struct KvBlock()
{
    public int StartPosition;
    public nint KeyStepFloats = KvLayout.PageTokens;
    public float* Keys0, Keys1, Keys2, Keys3;
    public float* Values0, Values1, Values2, Values3;

    /// <summary>Pages that lie behind one another.</summary>
    public static KvBlock Contiguous(int startPosition, float* keys, nint keyPageFloats, float* values, nint valuePageFloats) => new()
    {
        StartPosition = startPosition,
        Keys0 = keys,
        Keys1 = keys + keyPageFloats,
        Keys2 = keys + 2 * keyPageFloats,
        Keys3 = keys + 3 * keyPageFloats,
        Values0 = values,
        Values1 = values + valuePageFloats,
        Values2 = values + 2 * valuePageFloats,
        Values3 = values + 3 * valuePageFloats,
    };

    public readonly float* Keys(int page) => page switch { 0 => Keys0, 1 => Keys1, 2 => Keys2, _ => Keys3 };

    public readonly float* Values(int page) => page switch { 0 => Values0, 1 => Values1, 2 => Values2, _ => Values3 };

    /// <summary>True if the values of the first pages lie behind one another.</summary>
    public readonly bool ValuesAreContiguous(int pages, nint pageFloats) =>
        (pages < 2 || Values1 == Values0 + pageFloats) && (pages < 3 || Values2 == Values1 + pageFloats) && (pages < 4 || Values3 == Values2 + pageFloats);
}
