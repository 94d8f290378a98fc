using Coppice.Backends;
using Coppice.Loading;
using Coppice.Memory;

namespace Coppice.Kernels;

/// <summary>
/// The weights of a linear layer as <see cref="Linear"/> reads them, in f32: panels of 64 outputs, [panel][input][64], outputs as lanes,
/// the last panel filled up with zeros. Several tensors with the same inputs may be stacked (queries, keys and values; gate and up):
/// their outputs follow one another, and one product computes them all.
/// </summary>
internal sealed unsafe class PackedWeights : ILinearWeights
{
    public const int PanelOutputs = Tile.UnitFloats * Tile.MaxUnits;

    private readonly AlignedBuffer _buffer;

    private PackedWeights(int inputs, int outputs)
    {
        Inputs = inputs;
        Outputs = outputs;
        Panels = (outputs + PanelOutputs - 1) / PanelOutputs;
        _buffer = new AlignedBuffer(checked((long)Panels * PanelOutputs * inputs * sizeof(float)));
    }

    public int Inputs { get; }

    /// <summary>Of all stacked tensors together.</summary>
    public int Outputs { get; }

    public int Panels { get; }

    /// <summary>Native memory held.</summary>
    public long Bytes => _buffer.Bytes;

    /// <summary>Packs tensors of shape [outputs, inputs], in the order given. <see cref="WeightTensor.ReadRow"/> is called from several threads.</summary>
    /// <exception cref="ArgumentException">None given, not a matrix, empty, or the inputs differ.</exception>
    public static PackedWeights Pack(WorkerPool pool, params WeightTensor[] stacked)
    {
        if (stacked.Length == 0) throw new ArgumentException("Nothing to pack.", nameof(stacked));
        long outputs = 0, inputs = 0;
        foreach (WeightTensor tensor in stacked)
        {
            if (tensor.Shape.Count != 2)
                throw new ArgumentException($"{tensor.Name} has {tensor.Shape.Count} dimensions; a linear layer's weight has 2: [outputs, inputs].", nameof(stacked));
            if (tensor.Shape[0] < 1 || tensor.Shape[1] < 1)
                throw new ArgumentException($"{tensor.Name} is [{tensor.Shape[0]}, {tensor.Shape[1]}]; both must be at least 1.", nameof(stacked));
            if (tensor != stacked[0] && tensor.Shape[1] != inputs)
                throw new ArgumentException($"{tensor.Name} has {tensor.Shape[1]} inputs and {stacked[0].Name} has {inputs}; stacked weights share their inputs.", nameof(stacked));
            inputs = tensor.Shape[1];
            outputs += tensor.Shape[0];
        }

        var packed = new PackedWeights(checked((int)inputs), checked((int)outputs));
        using var rows = new AlignedBuffer((long)pool.Threads * Tile.UnitFloats * inputs * sizeof(float));
        pool.Run(new Packing(packed, stacked, rows), packed.Panels);
        return packed;
    }

    /// <summary>[input][64] of one panel.</summary>
    public float* Panel(int panel) => _buffer.Floats + (long)panel * PanelOutputs * Inputs;

    public void Dispose() => _buffer.Dispose();

    private readonly struct Packing(PackedWeights packed, WeightTensor[] stacked, AlignedBuffer rows) : IParallelWork
    {
        public void Run(int item, int worker)
        {
            int inputs = packed.Inputs;
            float* scratch = rows.Floats + (long)worker * Tile.UnitFloats * inputs;
            for (int unit = 0; unit < Tile.MaxUnits; unit++)
            {
                int firstOutput = item * PanelOutputs + unit * Tile.UnitFloats;
                for (int lane = 0; lane < Tile.UnitFloats; lane++) ReadOutput(firstOutput + lane, new Span<float>(scratch + (long)lane * inputs, inputs));

                float* to = packed.Panel(item) + unit * Tile.UnitFloats;
                for (int k = 0; k < inputs; k++, to += PanelOutputs)
                    for (int lane = 0; lane < Tile.UnitFloats; lane++) to[lane] = scratch[(long)lane * inputs + k];
            }
        }

        private void ReadOutput(int output, Span<float> row)
        {
            long at = output;
            foreach (WeightTensor tensor in stacked)
            {
                if (at < tensor.Shape[0])
                {
                    tensor.ReadRow(at, row);
                    return;
                }
                at -= tensor.Shape[0];
            }
            row.Clear();
        }
    }
}
