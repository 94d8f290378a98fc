using Coppice.Backends;
using Coppice.Kernels;

namespace Coppice.Tests.Kernels;

/// <summary>Products of every remainder, against a definition, bit for bit.</summary>
internal static class ProductCases
{
    public static TheoryData<int, int> Sizes => new()
    {
        { 1, 1 }, { 7, 3 }, { 16, 16 }, { 64, 64 }, { 65, 5 }, { 48, 130 }, { 172, 64 }, { 64, 172 }, { 100, 129 }, { 200, 300 }, { 320, 256 },
    };

    private static readonly int[] Rows = [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 17, 33, 40, 97, 200];

    /// <summary>A definition: y = x · Wᵀ as the format has it.</summary>
    public delegate void Definition(float[] x, int rows, int xRowFloats, float[] weights, int inputs, int outputs, float[] y, int yRowFloats);

    public static void SameBits(MatrixTensor w, Func<WorkerPool, StackedTensors, LinearWeights> pack, Definition definition)
    {
        int outputs = (int)w.Shape[0], inputs = (int)w.Shape[1];
        using var scratch = new LinearScratch();
        foreach (int threads in new[] { 1, 3 })
        {
            using var pool = new WorkerPool(threads);
            using LinearWeights packed = pack(pool, new StackedTensors(w));
            foreach (int rows in Rows)
            {
                int xRow = inputs + 3, yRow = outputs + 5;
                float[] x = Levels.Random(rows * xRow, rows), expected = new float[rows * yRow], actual = new float[rows * yRow];
                Array.Fill(expected, float.NaN);
                Array.Fill(actual, float.NaN);
                definition(x, rows, xRow, w.Numbers, inputs, outputs, expected, yRow);
                Linear.Run(x, rows, xRow, packed, pool, scratch, actual, yRow);
                Levels.SameBits(expected, actual, $"{rows} rows, {threads} threads");
            }
        }
    }
}
