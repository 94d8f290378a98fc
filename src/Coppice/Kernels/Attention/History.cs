using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Coppice.KvCache;
using Coppice.Scheduling;

namespace Coppice.Kernels.Attention;

/// <summary>
/// The keys and values of one sequence in one layer and KV head, by position. Rows are widened to floats where they are bf16. Page 0 and
/// the layout give the address of all pages of a head.
/// </summary>
internal readonly unsafe struct History(KvPages kv, int layer, int head, int[] pages)
{
    public const int PageTokens = KvLayout.PageTokens;

    public const int LineBytes = KvLayout.KeyLineBytes;

    private readonly byte* _keys = kv.Keys(layer, head, 0), _values = kv.Values(layer, head, 0), _keyRows = kv.KeyRow(layer, head, 0, 0);
    private readonly nint _keyRunBytes = kv.Layout.KeyRunBytes, _valueBytes = kv.Layout.ValuePageBytes;
    private readonly int _keyRunShift = kv.Layout.KeyRunShift, _rowBytes = kv.Layout.PaddedHeadSize * kv.Layout.ElementBytes;

    public KvLayout Layout => kv.Layout;

    public bool IsBf16 { get; } = kv.Layout.Format == KvFormat.BF16;

    /// <summary>The first line of the keys of the sequence's page; the next is <see cref="KvLayout.KeyStepBytes"/> further.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Keys(int page) => _keys + (pages[page] >> _keyRunShift) * _keyRunBytes + (pages[page] & ((1 << _keyRunShift) - 1)) * LineBytes;

    /// <summary>How many pages from this one on have their lines side by side; at least one.</summary>
    /// <param name="page">First page.</param>
    /// <param name="end">Page after the last that counts.</param>
    public int KeyRun(int page, int end)
    {
        int next = page + 1, first = pages[page], pagesLeft = (1 << _keyRunShift) - (first & ((1 << _keyRunShift) - 1));
        end = Math.Min(end, page + pagesLeft);
        while (next < end && pages[next] == first + next - page) next++;
        return next - page;
    }

    /// <summary>The key of a position from the second copy, [padded D].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* KeyRowBytes(int position) => _keyRows + ((nint)pages[position / PageTokens] * PageTokens + position % PageTokens) * _rowBytes;

    /// <summary>The value of a position; in bf16 that of its pair, [padded D][2].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* ValueRowBytes(int position) => _values + pages[position / PageTokens] * _valueBytes + (nint)(IsBf16 ? position % PageTokens & ~1 : position % PageTokens) * _rowBytes;

    /// <summary>Bytes of memory that <see cref="ValueRow"/> touches.</summary>
    public int ValueRowSize => Layout.HeadSize * 4;

    /// <summary>Bytes of memory that <see cref="KeyRow"/> touches.</summary>
    public int KeyRowSize => Layout.HeadSize * Layout.ElementBytes;

    /// <summary>The key of a position as floats, [padded D].</summary>
    /// <param name="position">Position.</param>
    /// <param name="widened">Room for it, in case it is bf16.</param>
    public float* KeyRow(int position, float* widened)
    {
        byte* row = KeyRowBytes(position);
        if (!IsBf16) return (float*)row;
        for (int i = 0; i < Layout.PaddedHeadSize; i += 16)
        {
            Vector256<ushort> x = Vector256.Load((ushort*)row + i);
            (Vector256.WidenLower(x) << 16).AsSingle().Store(widened + i);
            (Vector256.WidenUpper(x) << 16).AsSingle().Store(widened + i + 8);
        }

        return widened;
    }

    /// <summary>The value of a position as floats, [padded D].</summary>
    /// <inheritdoc cref="KeyRow"/>
    public float* ValueRow(int position, float* widened)
    {
        byte* row = ValueRowBytes(position);
        if (!IsBf16) return (float*)row;
        WidenHalf((uint*)row, position & 1, Layout.PaddedHeadSize, widened);
        return widened;
    }

    /// <summary>One half of pairs of bf16 as floats: the lower (0) or the upper (1).  pairs, y: [n], n a multiple of 16.</summary>
    public static void WidenHalf(uint* pairs, int half, int n, float* y)
    {
        for (int i = 0; i < n; i += 16)
        {
            Vector512<uint> both = Vector512.Load(pairs + i);
            (half == 0 ? both << 16 : both & Vector512.Create(0xFFFF0000u)).AsSingle().Store(y + i);
        }
    }

    /// <summary>Element of a key, for references.</summary>
    public float Key(int position, int i) => kv.Key(layer, head, pages[position / PageTokens], position % PageTokens, i);

    /// <summary>Element of a value, for references.</summary>
    public float Value(int position, int i) => kv.Value(layer, head, pages[position / PageTokens], position % PageTokens, i);

    /// <summary>
    /// Brings the sums of the pages up to date that a segment's rows have filled: each is the sum of the page before plus its own
    /// values in order. It belongs to the page as the keys do, so it is right whoever shares the page, and whatever became of the sequence
    /// that filled it.
    /// </summary>
    public void SumValues(in BatchSegment segment)
    {
        for (int page = segment.Start / PageTokens; (page + 1) * PageTokens <= segment.Length; page++)
            SumTo((page + 1) * PageTokens - 1, kv.ValueSum(layer, head, pages[page]));
    }

    /// <summary>mean[i] = Σ value(t)[i] / (position + 1) over the positions up to this one.  mean: [padded D].</summary>
    /// <returns>Bytes fetched.</returns>
    public long Mean(int position, float* mean)
    {
        SumTo(position, mean);
        Vector512<float> scale = Vector512.Create(1f / (position + 1));
        for (int i = 0; i < Layout.PaddedHeadSize; i += 16) (Vector512.Load(mean + i) * scale).Store(mean + i);
        return (position < PageTokens ? 0 : Layout.HeadSize * sizeof(float)) + (position % PageTokens + 1L) * Layout.HeadSize * Layout.ElementBytes;
    }

    /// <summary>The page before has a sum; the values of the position's own page come to it one after another.</summary>
    private void SumTo(int position, float* sum)
    {
        int page = position / PageTokens, padded = Layout.PaddedHeadSize;
        float* before = page == 0 ? null : kv.ValueSum(layer, head, pages[page - 1]);
        float* widened = stackalloc float[padded];
        if (before == null) new Span<float>(sum, padded).Clear();
        else new ReadOnlySpan<float>(before, padded).CopyTo(new Span<float>(sum, padded));
        for (int t = page * PageTokens; t <= position; t++)
        {
            float* value = ValueRow(t, widened);
            for (int i = 0; i < padded; i += 16) (Vector512.Load(sum + i) + Vector512.Load(value + i)).Store(sum + i);
        }
    }
}
