using Coppice.Backends;
using Coppice.Memory;

namespace Coppice.Kernels;

/// <summary>
/// The weights of a linear layer, packed for the products of one format: panels of 64 outputs behind one another, outputs as lanes, the
/// last panel filled up with zeros. What a panel looks like and how it meets the activations is the format's own.
/// </summary>
internal abstract unsafe class LinearWeights : ILinearWeights
{
    public const int PanelOutputs = Tile.UnitFloats * Tile.MaxUnits;

    private readonly AlignedBuffer _buffer;
    private readonly long _panelBytes;

    /// <param name="stacked">The tensors.</param>
    /// <param name="panelBytes">Bytes of one panel, whole cache lines.</param>
    protected LinearWeights(StackedTensors stacked, long panelBytes)
    {
        Inputs = stacked.Inputs;
        Outputs = stacked.Outputs;
        Panels = (Outputs + PanelOutputs - 1) / PanelOutputs;
        _panelBytes = panelBytes;
        _buffer = new AlignedBuffer(checked(Panels * panelBytes));
    }

    public int Inputs { get; }

    /// <summary>Of all stacked tensors together.</summary>
    public int Outputs { get; }

    public int Panels { get; }

    /// <summary>Native memory held.</summary>
    public virtual long Bytes => _buffer.Bytes;

    public byte* Panel(int panel) => _buffer.Pointer + panel * _panelBytes;

    /// <summary>
    /// The panel of an item, of which there are as many as panels, once or several times. Threads take items in turn: this gives each of them panels that lie
    /// one behind another, since memory is fastest where a core reads on and on. A thread that gets ahead goes on in the part of one that fell behind.
    /// </summary>
    public int PanelOf(int item, int threads)
    {
        (int place, int part) = Math.DivRem(item % Panels, threads);
        return part * (Panels / threads) + Math.Min(part, Panels % threads) + place;
    }

    /// <summary>The panel that a thread is likely to take after <paramref name="panel"/>, to be fetched ahead. Behind the last one it is that again, which is in the cache.</summary>
    public byte* LikelyNext(int panel) => Panel(Math.Min(panel + 1, Panels - 1));

    /// <summary>Outputs of a panel that exist.</summary>
    public int PanelWidth(int panel) => Math.Min(PanelOutputs, Outputs - panel * PanelOutputs);

    /// <summary>y = x · Wᵀ for at least one row; the sizes were checked. <see cref="Linear.Run"/> is the way in.</summary>
    public abstract void Multiply(float* x, int rows, int xRowFloats, WorkerPool pool, LinearScratch scratch, float* y, int yRowFloats);

    public virtual void Dispose() => _buffer.Dispose();

    /// <summary>Fills all panels, 16 outputs of one at a time.</summary>
    protected void Pack<TPacking>(WorkerPool pool, StackedTensors stacked, TPacking packing) where TPacking : struct, IPanelPacking
    {
        // Off the powers of two: 16 rows a power of two apart would fight for the same lines of the first-level cache.
        int rowFloats = (Inputs + 15) / 16 * 16 + 16;
        using var rows = new AlignedBuffer((long)pool.Threads * Tile.UnitFloats * rowFloats * sizeof(float));
        pool.Run(new Packing<TPacking>(this, stacked, packing, rows.Floats, rowFloats), Panels);
        GC.KeepAlive(this);
    }

    /// <summary>Fills all panels from rows as the file has them.</summary>
    protected void PackBytes<TPacking>(WorkerPool pool, StackedTensors stacked, TPacking packing) where TPacking : struct, IBytePacking
    {
        int rowBytes = stacked.RowBytes;
        using var rows = new AlignedBuffer((long)pool.Threads * PanelOutputs * rowBytes);
        pool.Run(new BytePacking<TPacking>(this, stacked, packing, rows.Pointer, rowBytes), Panels);
        GC.KeepAlive(this);
    }

    private readonly struct BytePacking<TPacking>(LinearWeights weights, StackedTensors stacked, TPacking packing, byte* scratch, int rowBytes) : IParallelWork where TPacking : struct, IBytePacking
    {
        public void Run(int item, int worker)
        {
            // So many inputs of all outputs that what is written stays in the first-level cache.
            const int partInputs = 512;
            byte* panel = weights.Panel(item), rows = scratch + (long)worker * PanelOutputs * rowBytes;
            int width = weights.PanelWidth(item);
            stacked.ReadBytes(item * PanelOutputs, width, new Span<byte>(rows, checked(width * rowBytes)));
            for (int k = 0; k < weights.Inputs; k += partInputs)
                for (int output = 0; output < width; output++)
                    packing.PackOutput(rows + (long)output * rowBytes, k, Math.Min(partInputs, weights.Inputs - k), output, panel);
        }
    }

    private readonly struct Packing<TPacking>(LinearWeights weights, StackedTensors stacked, TPacking packing, float* scratch, int rowFloats) : IParallelWork
        where TPacking : struct, IPanelPacking
    {
        public void Run(int item, int worker)
        {
            float* rows = scratch + (long)worker * Tile.UnitFloats * rowFloats;
            for (int unit = 0; unit < Tile.MaxUnits; unit++)
            {
                for (int lane = 0; lane < Tile.UnitFloats; lane++)
                    stacked.Read(item * PanelOutputs + unit * Tile.UnitFloats + lane, new Span<float>(rows + (long)lane * rowFloats, weights.Inputs));
                packing.PackUnit(rows, rowFloats, weights.Inputs, unit, weights.Panel(item));
            }
        }
    }
}

/// <summary>Writes 16 of a panel's 64 outputs.</summary>
internal unsafe interface IPanelPacking
{
    /// <param name="rows">[16][inputs], rows <paramref name="rowFloats"/> apart.</param>
    /// <param name="rowFloats">At least inputs.</param>
    /// <param name="inputs">What lies behind them in the panel stays zero.</param>
    /// <param name="unit">0 to 3: outputs [16 · unit, 16 · unit + 16) of the panel.</param>
    /// <param name="panel">The whole panel, zeroed before the first unit.</param>
    void PackUnit(float* rows, int rowFloats, int inputs, int unit, byte* panel);
}

/// <summary>Writes inputs of one of a panel's 64 outputs from the file's bytes.</summary>
internal unsafe interface IBytePacking
{
    /// <param name="row">The output's weights.</param>
    /// <param name="from">First input, a multiple of 512.</param>
    /// <param name="inputs">How many.</param>
    /// <param name="output">0 to 63.</param>
    /// <param name="panel">The whole panel, zeroed before the first output.</param>
    void PackOutput(byte* row, int from, int inputs, int output, byte* panel);
}

/// <summary>Native memory for one product at a time: activations in the format's own layout. It grows and never shrinks.</summary>
internal sealed unsafe class LinearScratch : IDisposable
{
    private AlignedBuffer _buffer = new(0);

    /// <summary>At least that many bytes of undefined content, on a cache line. What was given out before is gone.</summary>
    public byte* Take(long bytes)
    {
        if (_buffer.Bytes < bytes)
        {
            _buffer.Dispose();
            _buffer = new AlignedBuffer(bytes + bytes / 4);
        }
        return _buffer.Pointer;
    }

    public void Dispose() => _buffer.Dispose();
}
