using Coppice.KvCache;
using Coppice.Models;

namespace Coppice;

/// <summary>Checks engine options against the model and the machine, and fills in the defaults.</summary>
internal static class EngineLimits
{
    public const int LargestBatch = 65_536;
    public const int LargestChunk = 65_536;
    public const int MostThreads = 1_024;

    public static EngineOptions Resolve(EngineOptions options, ModelConfig config)
    {
        InRange(nameof(options.MaxBatch), options.MaxBatch, 1, LargestBatch);
        InRange(nameof(options.MaxBatchPerOwner), options.MaxBatchPerOwner ?? options.MaxBatch, 1, options.MaxBatch);
        InRange(nameof(options.PrefillChunk), options.PrefillChunk, 1, LargestChunk);
        if (options.Placement == ThreadPlacement.Pinned && !Backends.ThreadAffinity.IsSupported)
            throw new PlatformNotSupportedException("Threads can be pinned on Linux and Windows only. Leave Placement at Free.");
        int context = options.MaxContextTokens ?? config.MaxContextTokens;
        InRange(nameof(options.MaxContextTokens), context, 2, config.MaxContextTokens);
        KvLayout layout = KvLayout.Of(config, options.Kv);
        long quarter = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4;
        long bytes = options.KvBytes ?? Math.Max(layout.PageBytes, Math.Min(quarter, (long)options.MaxBatch * KvLayout.PagesFor(context) * layout.PageBytes));
        if (bytes < layout.PageBytes)
            throw new ArgumentOutOfRangeException(nameof(options), bytes, $"{nameof(options.KvBytes)} is too small: one page of {KvLayout.PageTokens} tokens takes {layout.PageBytes} bytes in this model.");
        return options with { KvBytes = bytes, MaxContextTokens = context, Threads = Threads(options) };
    }

    public static int Threads(EngineOptions options)
    {
        int threads = options.Threads ?? Environment.ProcessorCount;
        InRange(nameof(options.Threads), threads, 1, MostThreads);
        return threads;
    }

    /// <summary>Pages that fit into the budget.</summary>
    public static int Pages(EngineOptions options, KvLayout layout) => (int)Math.Min(int.MaxValue / KvLayout.PageTokens - 1, options.KvBytes!.Value / layout.PageBytes);

    private static void InRange(string name, int value, int least, int most)
    {
        if (value < least || value > most) throw new ArgumentOutOfRangeException(nameof(value), value, $"{name} must be from {least} to {most}.");
    }
}
