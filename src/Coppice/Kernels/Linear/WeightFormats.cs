using Coppice.Backends;
using Coppice.Loading;

namespace Coppice.Kernels;

/// <summary>Which class keeps and multiplies weights of which format. A new one is a file beside this and a line here.</summary>
internal static class WeightFormats
{
    private static readonly Dictionary<WeightFormat, Func<WorkerPool, StackedTensors, LinearWeights>> s_table = new()
    {
        [WeightFormat.Native] = (pool, stacked) => stacked.Runs is { Count: > 1 } runs ? new MixedWeights(stacked, [.. runs.Select(run => Native(pool, run))]) : Native(pool, stacked),
        [WeightFormat.F32] = (pool, stacked) => new F32(pool, stacked),
        [WeightFormat.BF16] = (pool, stacked) => new BF16Dot(pool, stacked),
        [WeightFormat.Q8_0] = (pool, stacked) => new Q8_0(pool, stacked),
    };

    /// <summary>Packs tensors of shape [outputs, inputs], in the order given. <see cref="WeightTensor.ReadRow"/> is called from several threads.</summary>
    /// <exception cref="ArgumentException">The tensors do not fit together, see <see cref="StackedTensors"/>, or the format is unknown.</exception>
    public static LinearWeights Pack(WeightFormat format, WorkerPool pool, params WeightTensor[] tensors) =>
        s_table.TryGetValue(format, out Func<WorkerPool, StackedTensors, LinearWeights>? pack)
            ? pack(pool, new StackedTensors(tensors))
            : throw new ArgumentOutOfRangeException(nameof(format), format, $"Weights can be kept as {string.Join(", ", s_table.Keys)}.");

    private static LinearWeights Native(WorkerPool pool, StackedTensors stacked) => stacked.Type switch
    {
        WeightType.F32 => new F32(pool, stacked),
        WeightType.BF16 => new BF16(pool, stacked),
        WeightType.F16 => new F16(pool, stacked),
        WeightType.Q8_0 => new Q8_0(pool, stacked),
        _ => new BlockWeights(pool, stacked),
    };
}
