using System.Runtime.InteropServices;
using Coppice.Memory;

namespace Coppice.KvCache;

/// <summary>
/// The memory of all keys and values, and the only address arithmetic on it: [layer][KV head][page], keys and values
/// apart, so that consecutive pages of one head lie behind one another, or beside one another (<see cref="KvLayout.KeyRunPages"/>). Page 0 is never handed out: it stands, zeroed,
/// for pages that a sequence does not have yet.
/// </summary>
internal sealed unsafe class KvPages : IDisposable
{
    private readonly long _pages, _keyRuns;
    private readonly byte* _keys;
    private readonly byte* _values;
    private readonly byte* _keyRows;
    private readonly byte* _valueSums;
    private void* _keyMemory;
    private void* _valueMemory;
    private void* _keyRowMemory;
    private void* _valueSumMemory;

    /// <param name="layout">Sizes.</param>
    /// <param name="pages">Pages, page 0 included.</param>
    public KvPages(KvLayout layout, int pages)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pages, 2);
        Layout = layout;
        _pages = pages;
        // The system hands out zeroed memory lazily, so a budget that is not used costs nothing.
        _keyRuns = (_pages + layout.KeyRunPages - 1) / layout.KeyRunPages;
        _keys = Allocate(HeadKeyBytes, out _keyMemory);
        _values = Allocate(_pages * layout.ValuePageBytes, out _valueMemory);
        _keyRows = Allocate(_pages * layout.KeyRowPageBytes, out _keyRowMemory);
        _valueSums = Allocate(_pages * layout.ValueSumBytes, out _valueSumMemory);
        if (!layout.KeyRows) return;
        // Components and single rows are fetched from all over the cache. Exact attention reads on and on, and has nothing of it.
        LargePages.Ask(_keys, HeadKeyBytes * layout.Layers * layout.KvHeads);
        LargePages.Ask(_values, (long)pages * layout.Layers * layout.KvHeads * layout.ValuePageBytes);
        LargePages.Ask(_keyRows, (long)pages * layout.Layers * layout.KvHeads * layout.KeyRowPageBytes);
    }

    public KvLayout Layout { get; }

    public int PageCount => (int)_pages;

    /// <summary>Of the keys of one layer and head, from those of page 0 on.</summary>
    public long HeadKeyBytes => _keyRuns * Layout.KeyRunBytes;

    /// <summary>The first line of a page's keys; the next is <see cref="KvLayout.KeyStepBytes"/> further.</summary>
    public byte* Keys(int layer, int head, int page)
    {
        long index = Index(layer, head, page) - page;       // of the head's first page
        return _keys + (index / _pages * _keyRuns + (page >> Layout.KeyRunShift)) * Layout.KeyRunBytes + (page & (Layout.KeyRunPages - 1)) * KvLayout.KeyLineBytes;
    }

    public byte* Values(int layer, int head, int page) => _values + Index(layer, head, page) * Layout.ValuePageBytes;

    /// <summary>The key at <paramref name="slot"/>, [padded D], zero behind D; only with <see cref="KvLayout.KeyRows"/>.</summary>
    public byte* KeyRow(int layer, int head, int page, int slot) => _keyRows + Index(layer, head, page) * Layout.KeyRowPageBytes + slot * Layout.PaddedHeadSize * Layout.ElementBytes;

    /// <summary>Sum of the values up to the end of a full page, [padded D]; only with <see cref="KvLayout.ValueSums"/>.</summary>
    public float* ValueSum(int layer, int head, int page) => (float*)(_valueSums + Index(layer, head, page) * Layout.ValueSumBytes);

    /// <summary>Writes one position's key and value for one layer and head.</summary>
    /// <param name="layer">Layer.</param>
    /// <param name="head">KV head.</param>
    /// <param name="page">Page.</param>
    /// <param name="slot">Position within the page, below 16.</param>
    /// <param name="key">[D], after RoPE.</param>
    /// <param name="value">[D].</param>
    public void Write(int layer, int head, int page, int slot, float* key, float* value)
    {
        int d = Layout.HeadSize, padded = Layout.PaddedHeadSize;
        if (Layout.Format == KvFormat.F32)
        {
            float* k = (float*)Keys(layer, head, page) + slot;
            nint step = Layout.KeyStepBytes / sizeof(float);
            for (int i = 0; i < d; i++) k[i * step] = key[i];
            if (Layout.KeyRows) new ReadOnlySpan<float>(key, d).CopyTo(new Span<float>(KeyRow(layer, head, page, slot), d));
            new ReadOnlySpan<float>(value, d).CopyTo(new Span<float>((float*)Values(layer, head, page) + slot * padded, d));
            return;
        }

        // Both elements of a pair at once for the keys. Not so for the values: the other half of a pair is another position, and
        // another thread may be writing it.
        ushort* rounded = stackalloc ushort[d];
        Bf16.Round(key, 1f, d, rounded);
        uint* k16 = (uint*)Keys(layer, head, page) + slot;
        nint step16 = Layout.KeyStepBytes / sizeof(uint);
        for (int i = 0; i < d / 2; i++) k16[i * step16] = ((uint*)rounded)[i];
        if (Layout.KeyRows) new ReadOnlySpan<ushort>(rounded, d).CopyTo(new Span<ushort>(KeyRow(layer, head, page, slot), d));
        Bf16.Round(value, 1f, d, rounded);
        ushort* v16 = (ushort*)Values(layer, head, page) + (slot >> 1) * padded * 2 + (slot & 1);
        for (int i = 0; i < d; i++) v16[i * 2] = rounded[i];
    }

    /// <summary>Element <paramref name="i"/> of the key at <paramref name="slot"/>: for references and tests.</summary>
    public float Key(int layer, int head, int page, int slot, int i) => Layout.Format == KvFormat.F32
        ? ((float*)(Keys(layer, head, page) + (nint)i * Layout.KeyStepBytes))[slot]
        : Bf16.Widen(((ushort*)(Keys(layer, head, page) + (nint)(i >> 1) * Layout.KeyStepBytes))[slot * 2 + (i & 1)]);

    /// <summary>Element <paramref name="i"/> of the value at <paramref name="slot"/>: for references and tests.</summary>
    public float Value(int layer, int head, int page, int slot, int i) => Layout.Format == KvFormat.F32
        ? ((float*)Values(layer, head, page))[slot * Layout.PaddedHeadSize + i]
        : Bf16.Widen(((ushort*)Values(layer, head, page))[((slot >> 1) * Layout.PaddedHeadSize + i) * 2 + (slot & 1)]);

    /// <summary>
    /// Makes a page fit for a new owner. Values must be finite where nothing was written yet, since a masked position's
    /// weight is zero and 0 · NaN is not; keys of such positions are masked whatever they are.
    /// </summary>
    public void Clear(int page)
    {
        for (int layer = 0; layer < Layout.Layers; layer++)
            for (int head = 0; head < Layout.KvHeads; head++)
                NativeMemory.Clear(Values(layer, head, page), (nuint)Layout.ValuePageBytes);
    }

    /// <summary>Copies the first <paramref name="tokens"/> positions of a page; the rest of the copy is as after <see cref="Clear"/>.</summary>
    public void Copy(int from, int to, int tokens)
    {
        for (int layer = 0; layer < Layout.Layers; layer++)
        {
            for (int head = 0; head < Layout.KvHeads; head++)
            {
                byte* keys = Keys(layer, head, from), keyCopy = Keys(layer, head, to);
                for (nint line = 0; line < Layout.KeyLines; line++)
                    Buffer.MemoryCopy(keys + line * Layout.KeyStepBytes, keyCopy + line * Layout.KeyStepBytes, KvLayout.KeyLineBytes, KvLayout.KeyLineBytes);
                if (Layout.KeyRows) Buffer.MemoryCopy(KeyRow(layer, head, from, 0), KeyRow(layer, head, to, 0), Layout.KeyRowPageBytes, Layout.KeyRowPageBytes);
                byte* values = Values(layer, head, to);
                Buffer.MemoryCopy(Values(layer, head, from), values, Layout.ValuePageBytes, Layout.ValuePageBytes);
                int groupTokens = 4 / Layout.ElementBytes, groupBytes = Layout.PaddedHeadSize * 4;     // bf16 keeps two positions side by side
                if (tokens % groupTokens != 0)
                    for (int i = 0; i < Layout.PaddedHeadSize; i++) ((ushort*)(values + tokens / groupTokens * groupBytes))[i * 2 + 1] = 0;
                int firstFree = (tokens + groupTokens - 1) / groupTokens * groupBytes;
                NativeMemory.Clear(values + firstFree, (nuint)(Layout.ValuePageBytes - firstFree));
            }
        }
    }

    public void Dispose()
    {
        NativeMemory.Free(_keyMemory);
        NativeMemory.Free(_valueMemory);
        NativeMemory.Free(_keyRowMemory);
        NativeMemory.Free(_valueSumMemory);
        _keyMemory = _valueMemory = _keyRowMemory = _valueSumMemory = null;
    }

    private long Index(int layer, int head, int page)
    {
        if ((uint)layer >= (uint)Layout.Layers) throw new ArgumentOutOfRangeException(nameof(layer), layer, $"Layer must be below {Layout.Layers}.");
        if ((uint)head >= (uint)Layout.KvHeads) throw new ArgumentOutOfRangeException(nameof(head), head, $"Head must be below {Layout.KvHeads}.");
        if ((ulong)page >= (ulong)_pages) throw new ArgumentOutOfRangeException(nameof(page), page, $"Page must be below {_pages}.");
        return ((long)layer * Layout.KvHeads + head) * _pages + page;
    }

    private byte* Allocate(long headBytes, out void* memory)
    {
        memory = NativeMemory.AllocZeroed((nuint)checked(headBytes * Layout.Layers * Layout.KvHeads) + 64);
        return (byte*)(((nuint)memory + 63) & ~(nuint)63);
    }
}
