using Coppice.Models;

namespace Coppice.KvCache;

/// <summary>
/// Sizes of the key and value pages. A page holds <see cref="PageTokens"/> positions of one sequence for every layer and
/// KV head. Attention folds whole blocks of <see cref="BlockTokens"/> positions at absolute multiples of that size, and
/// merges spans of <see cref="SpanTokens"/>: who shares a page never changes how it is folded.
/// </summary>
internal sealed record KvLayout(int Layers, int KvHeads, int HeadSize, KvFormat Format)
{
    /// <summary>Positions of a page: one 512-bit vector of floats.</summary>
    public const int PageTokens = 16;

    public const int PagesPerBlock = 4;

    /// <summary>Positions folded into a row's state at once.</summary>
    public const int BlockTokens = PageTokens * PagesPerBlock;

    private const int LongKeyRunShift = 6;

    /// <summary>Positions whose blocks are folded one after another into one state; the states of spans merge in order.</summary>
    public const int SpanTokens = 2048;

    public const int BlocksPerSpan = SpanTokens / BlockTokens;

    public static KvLayout Of(ModelConfig config, KvFormat format) => new(config.Layers, config.KvHeads, config.HeadSize, format);

    /// <summary>D rounded up to whole vectors of 16: the width of a row of values and of an output state.</summary>
    public int PaddedHeadSize { get; } = (HeadSize + 15) / 16 * 16;

    public int ElementBytes { get; } = Format == KvFormat.F32 ? 4 : 2;

    /// <summary>Keys of one page, layer and head: f32 [D][16 tokens], bf16 [D/2][16 tokens][2]. Each row of it is a line.</summary>
    public int KeyPageBytes => HeadSize * PageTokens * ElementBytes;

    /// <summary>A component of 16 positions (f32), or a pair of components (bf16).</summary>
    public const int KeyLineBytes = PageTokens * sizeof(float);

    /// <summary>Lines of a page's keys.</summary>
    public int KeyLines => KeyPageBytes / KeyLineBytes;

    /// <summary>
    /// Pages whose keys lie interleaved, [line][page], 2^<see cref="KeyRunShift"/> of them: a few components of many positions are then a few
    /// long reads. One, so that a page is one piece, unless single components are read.
    /// </summary>
    public int KeyRunPages => 1 << KeyRunShift;

    public int KeyRunShift => KeyRows ? LongKeyRunShift : 0;

    /// <summary>From one line of a page's keys to the next. Not a power of two where pages are interleaved: such lines would all compete for the same places in a cache.</summary>
    public int KeyStepBytes => KeyRows ? KeyLineBytes * (KeyRunPages + 1) : KeyLineBytes;

    /// <summary>Keys of <see cref="KeyRunPages"/> pages, layer and head.</summary>
    public int KeyRunBytes => KeyLines * KeyStepBytes;

    /// <summary>Values of one page, layer and head: f32 [16 tokens][padded D], bf16 [8][padded D][2 tokens].</summary>
    public int ValuePageBytes => PaddedHeadSize * PageTokens * ElementBytes;

    /// <summary>For policies that fetch single components and single positions: the keys are kept a second time, position by position, and pages of the first copy lie interleaved.</summary>
    public bool KeyRows { get; init; }

    /// <summary>Each full page has the sum of the values of all positions up to its end, for policies that need their mean.</summary>
    public bool ValueSums { get; init; }

    /// <summary>The second copy of one page's keys, layer and head: [16 tokens][padded D] in both formats.</summary>
    public int KeyRowPageBytes => KeyRows ? PaddedHeadSize * PageTokens * ElementBytes : 0;

    /// <summary>[padded D] in f32.</summary>
    public int ValueSumBytes => ValueSums ? PaddedHeadSize * sizeof(float) : 0;

    /// <summary>Bytes of a page over all layers and heads: what the budget counts.</summary>
    public long PageBytes => (long)Layers * KvHeads * (KeyRunBytes / KeyRunPages + ValuePageBytes + KeyRowPageBytes + ValueSumBytes);

    /// <summary>Bytes of a page's keys and values over all layers and heads: what exact attention reads.</summary>
    public long HistoryPageBytes => (long)Layers * KvHeads * (KeyPageBytes + ValuePageBytes);

    /// <summary>Pages that hold <paramref name="tokens"/> positions.</summary>
    public static int PagesFor(int tokens) => (tokens + PageTokens - 1) / PageTokens;
}
