using System.Runtime.InteropServices;
using SharpFuzz.Common;

namespace Coppice.Fuzz.Running;

/// <summary>
/// Counts the branches that an input takes, by the map that SharpFuzz writes into instrumented assemblies, and knows which of them are new.
/// Without instrumentation nothing is ever new.
/// </summary>
internal static unsafe class Coverage
{
    private const int MapBytes = 1 << 16;

    private static readonly byte* s_map = (byte*)NativeMemory.AllocZeroed(MapBytes);
    private static readonly byte[] s_seen = new byte[MapBytes];

    /// <summary>Pairs of branches seen, one behind the other.</summary>
    public static int Edges { get; private set; }

    /// <summary>Before any instrumented code runs.</summary>
    public static void Install() => Trace.SharedMem = s_map;

    /// <summary>Before an input.</summary>
    public static void Clear()
    {
        NativeMemory.Clear(s_map, MapBytes);
        Trace.PrevLocation = 0;
    }

    /// <summary>After an input: whether it took a branch that none before it took, or took one far more often.</summary>
    public static bool Grew()
    {
        ReadOnlySpan<ulong> words = new(s_map, MapBytes / sizeof(ulong));
        bool grew = false;
        for (int i = 0; i < words.Length; i++)
        {
            if (words[i] == 0) continue;
            for (int at = i * sizeof(ulong); at < (i + 1) * sizeof(ulong); at++)
            {
                byte magnitude = Magnitude(s_map[at]);
                if ((magnitude & ~s_seen[at]) == 0) continue;
                if (s_seen[at] == 0) Edges++;
                s_seen[at] |= magnitude;
                grew = true;
            }
        }
        return grew;
    }

    // AFL's classes of counts: loops that run a little longer are not new.
    private static byte Magnitude(byte count) => count switch
    {
        0 => 0,
        1 => 1,
        2 => 2,
        3 => 4,
        < 8 => 8,
        < 16 => 16,
        < 32 => 32,
        < 128 => 64,
        _ => 128,
    };
}
