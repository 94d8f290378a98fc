using Coppice.KvCache;

namespace Coppice.Kernels.Attention;

/// <summary>
/// The pages that the next block reads, handed out in pieces to whoever has a loop to fetch them behind. Without it memory stands
/// still while a block is computed, and the processor while the next one arrives.
/// </summary>
internal unsafe struct BlockAhead
{
    private const int Pieces = 2 * KvLayout.PagesPerBlock;

    private readonly KvBlock _block;
    private readonly int _keyPageBytes, _valuePageBytes;
    private int _piece, _at;

    /// <param name="block">The next block, as it lies in the cache.</param>
    /// <param name="layout">Of the cache.</param>
    public BlockAhead(in KvBlock block, KvLayout layout)
    {
        _block = block;
        _keyPageBytes = layout.KeyStepBytes == KvLayout.KeyLineBytes ? layout.KeyPageBytes : 0;
        _valuePageBytes = layout.ValuePageBytes;
    }

    /// <summary>All that can be fetched: interleaved keys cannot.</summary>
    public readonly int Bytes => KvLayout.PagesPerBlock * (_keyPageBytes + _valuePageBytes);

    /// <summary>The next bytes in one piece, <paramref name="wanted"/> or what is left of a page; null when all are handed out.</summary>
    public byte* Take(int wanted)
    {
        for (; _piece < Pieces; _piece++, _at = 0)
        {
            bool keys = _piece < KvLayout.PagesPerBlock;
            if (_at >= (keys ? _keyPageBytes : _valuePageBytes)) continue;
            byte* page = (byte*)(keys ? _block.Keys(_piece) : _block.Values(_piece - KvLayout.PagesPerBlock));
            byte* from = page + _at;
            _at += wanted;
            return from;
        }

        return null;
    }
}
