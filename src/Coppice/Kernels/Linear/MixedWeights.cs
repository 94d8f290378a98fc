using Coppice.Backends;

namespace Coppice.Kernels;

/// <summary>Stacked weights of several formats: each part computes its own outputs, one behind the other.</summary>
internal sealed unsafe class MixedWeights(StackedTensors stacked, LinearWeights[] parts) : LinearWeights(stacked, 0)
{
    public override long Bytes => parts.Sum(part => part.Bytes);

    public override void Multiply(float* x, int rows, int xRowFloats, WorkerPool pool, LinearScratch scratch, float* y, int yRowFloats)
    {
        foreach (LinearWeights part in parts)
        {
            part.Multiply(x, rows, xRowFloats, pool, scratch, y, yRowFloats);
            y += part.Outputs;
        }
    }

    public override void Dispose()
    {
        foreach (LinearWeights part in parts) part.Dispose();
        base.Dispose();
    }
}
