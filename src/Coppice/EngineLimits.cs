using Coppice.Attention;
using Coppice.KvCache;
using Coppice.Models;
using Coppice.Scheduling;

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
        InRange(nameof(options.MaxContextTokens), context, CommonConfig.LeastContext, config.MaxContextTokens);
        CheckAttention(options, config);
        KvLayout layout = AttentionPolicies.Layout(KvLayout.Of(config, options.Kv), options, config.Heads / config.KvHeads);
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

    /// <summary>Options of a mode go with it, and lie in their ranges.</summary>
    private static void CheckAttention(EngineOptions options, ModelConfig config)
    {
        int headSize = config.HeadSize;
        if (AttentionPolicies.Reuse(options.Attention) != PageReuse.All && !Enumerable.Range(0, config.Layers).Any(layer => config.Rule(layer).IsPlain))
            throw new ArgumentException($"{nameof(options.Attention)} is {options.Attention}, and every layer of this model has a sliding window or caps its scores: only layers that do neither are approximated. Use {AttentionMode.Auto}.", nameof(options));
        if (options.Keep is int keep)
        {
            if (!AttentionPolicies.HasKeep(options.Attention))
                throw new ArgumentException($"{nameof(options.Keep)} is {keep} and {nameof(options.Attention)} is {options.Attention}. It goes with {AttentionMode.LmInfinite}, {AttentionMode.H2O} and {AttentionMode.TopK} only: leave it out.", nameof(options));
            InRange(nameof(options.Keep), keep, 1, int.MaxValue);
        }

        if (options.Sparq is not { } sparq) return;
        if (!AttentionPolicies.IsSparq(options.Attention))
            throw new ArgumentException($"{nameof(options.Sparq)} is set and {nameof(options.Attention)} is {options.Attention}. It goes with {AttentionMode.Sparq} and {AttentionMode.SparqGroup} only: leave it out.", nameof(options));
        if (sparq.Compression is double compression)
        {
            if (sparq.R is not null || sparq.K is not null)
                throw new ArgumentException($"{nameof(sparq.Compression)} picks {nameof(sparq.R)} and {nameof(sparq.K)}; give either it or them.", nameof(options));
            if (!(compression >= SparqRule.LeastCompression && compression <= headSize))
                throw new ArgumentOutOfRangeException(nameof(options), compression, $"{nameof(options.Sparq)}.{nameof(sparq.Compression)} must be from {SparqRule.LeastCompression} to {headSize}, the model's head size.");
        }

        if (sparq.R is int r) InRange($"{nameof(options.Sparq)}.{nameof(sparq.R)}", r, 1, headSize);
        if (sparq.K is int k) InRange($"{nameof(options.Sparq)}.{nameof(sparq.K)}", k, 1, int.MaxValue);
        if (sparq.Local is int local) InRange($"{nameof(options.Sparq)}.{nameof(sparq.Local)}", local, 0, sparq.K ?? (sparq.R is null ? int.MaxValue : SparqRule.DefaultK));
    }

    private static void InRange(string name, int value, int least, int most)
    {
        if (value < least || value > most) throw new ArgumentOutOfRangeException(nameof(value), value, $"{name} must be from {least} to {most}.");
    }
}
