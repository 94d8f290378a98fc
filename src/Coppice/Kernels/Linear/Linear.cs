using System.Runtime.InteropServices;
using Coppice.Backends;

namespace Coppice.Kernels;

/// <summary>
/// y = x · Wᵀ.  x: [M, inputs], y: [M, outputs], rows may lie further apart. y must not overlap x. How exactly is the weights' format's
/// business (<see cref="WeightFormats"/>), but in every one the bits of an output depend neither on M, nor on the other rows, nor on threads.
/// </summary>
internal static unsafe class Linear
{
    /// <param name="x">[rows, inputs], rows <paramref name="xRowFloats"/> apart.</param>
    /// <param name="rows">M; 0 does nothing.</param>
    /// <param name="xRowFloats">At least the weights' inputs.</param>
    /// <param name="weights">W.</param>
    /// <param name="pool">The threads that share the work. Nothing is allocated once <paramref name="scratch"/> has grown.</param>
    /// <param name="scratch">For the activations as the format wants them.</param>
    /// <param name="y">[rows, outputs], rows <paramref name="yRowFloats"/> apart; what lies between rows is not touched.</param>
    /// <param name="yRowFloats">At least the weights' outputs.</param>
    public static void Run(ReadOnlySpan<float> x, int rows, int xRowFloats, LinearWeights weights, WorkerPool pool, LinearScratch scratch, Span<float> y, int yRowFloats)
    {
        Shape.Holds(x.Length, rows, xRowFloats, weights.Inputs);
        Shape.Holds(y.Length, rows, yRowFloats, weights.Outputs);
        if (rows == 0) return;
        fixed (float* px = &MemoryMarshal.GetReference(x), py = &MemoryMarshal.GetReference(y))
            weights.Multiply(px, rows, xRowFloats, pool, scratch, py, yRowFloats);
        GC.KeepAlive(weights);
        GC.KeepAlive(scratch);
    }

    /// <summary>
    /// The definition in f32 arithmetic, from plain weights [outputs, inputs]: one chain of fused multiply-adds over ascending inputs.
    /// Slow, obvious, never optimised.
    /// </summary>
    public static void Reference(ReadOnlySpan<float> x, int rows, int xRowFloats, ReadOnlySpan<float> weights, int inputs, int outputs, Span<float> y, int yRowFloats)
    {
        for (int r = 0; r < rows; r++)
        {
            for (int j = 0; j < outputs; j++)
            {
                float sum = 0f;
                for (int k = 0; k < inputs; k++) sum = MathF.FusedMultiplyAdd(x[r * xRowFloats + k], weights[j * inputs + k], sum);
                y[r * yRowFloats + j] = sum;
            }
        }
    }
}
