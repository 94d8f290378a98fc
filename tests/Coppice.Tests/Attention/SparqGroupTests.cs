using Coppice.Attention;
using Coppice.Backends;
using Coppice.KvCache;
using Coppice.Memory;
using Coppice.Scheduling;
using Coppice.Tests.Kernels;

namespace Coppice.Tests.Attention;

public sealed unsafe class SparqGroupTests
{
    public static TheoryData<int, int, KvFormat> Shapes => new()
    {
        { 32, 1, KvFormat.F32 }, { 40, 2, KvFormat.F32 }, { 64, 4, KvFormat.F32 }, { 32, 2, KvFormat.BF16 }, { 64, 20, KvFormat.F32 },
    };

    [Theory, MemberData(nameof(Shapes))]
    public void With_all_positions_and_all_components_it_is_exact_attention(int d, int g, KvFormat format)
    {
        using var scene = new Scene(d, g, format);
        var rule = new SparqRule(new SparqOptions { R = d, K = 1 << 20 }, d, g);
        float[] exact = scene.Attend(new PerSequencePolicy(), out _), grouped = scene.Attend(new SparqGroupPolicy(rule, leastPositions: 0), out int sparse);
        Assert.Equal(3, sparse);
        // The matrix unit rounds weights to bf16; the group folds in floats.
        double tolerance = format == KvFormat.F32 ? 1e-5 : 2e-2;
        for (int i = 0; i < exact.Length; i++) Assert.InRange(grouped[i], exact[i] - tolerance, exact[i] + tolerance);
    }

    [Theory, MemberData(nameof(Shapes))]
    public void Rows_choose_together_of_what_they_share_and_read_the_rest_whole(int d, int g, KvFormat format)
    {
        using var scene = new Scene(d, g, format);
        var rule = new SparqRule(new SparqOptions { R = d / 4, K = 128 }, d, g);
        double[] expected = scene.InDouble(d / 4, 128);
        float[] actual = scene.Attend(new SparqGroupPolicy(rule, leastPositions: 0), out _);
        SparseScene.Close(expected, actual, 2e-5);
    }

    [Fact]
    public void What_is_chosen_is_fetched_once_for_all_rows()
    {
        using var scene = new Scene(64, 2, KvFormat.F32);
        var policy = new SparqGroupPolicy(new SparqRule(new SparqOptions { R = 8, K = 64 }, 64, 2), leastPositions: 0);
        scene.Attend(policy, out _);
        long own = scene.Lengths.Sum(length => 2L * (length - Scene.Shared) * 64 + 2 * 64);
        Assert.Equal(4 * (Scene.Shared * 8 + 2 * 64 * 64 + own), policy.Traffic.Bytes);
        Assert.Equal(scene.Lengths.Sum(length => 4 * (2L * length * 64 + 2 * 64)), policy.Traffic.ExactBytes);
    }

    [Fact]
    public void Rows_that_share_too_little_are_read_one_by_one()
    {
        using var scene = new Scene(64, 2, KvFormat.F32);
        var rule = new SparqRule(new SparqOptions { R = 8, K = 64 }, 64, 2);
        Levels.SameBits(scene.Attend(new SparqPolicy(rule, Scene.Shared + 1), out _), scene.Attend(new SparqGroupPolicy(rule, Scene.Shared + 1), out int sparse), "single rows");
        Assert.Equal(3, sparse);
    }

    [Fact]
    public void Rows_with_more_of_their_own_than_they_share_are_read_one_by_one()
    {
        using var scene = new Scene(64, 2, KvFormat.F32, [Scene.Shared + 900, Scene.Shared + 880, Scene.Shared + 901]);
        var rule = new SparqRule(new SparqOptions { R = 8, K = 64 }, 64, 2);
        Levels.SameBits(scene.Attend(new SparqPolicy(rule, 0), out _), scene.Attend(new SparqGroupPolicy(rule, 0), out _), "single rows");
    }

    /// <summary>Three sequences behind 320 shared positions, one KV head.</summary>
    private sealed class Scene : IDisposable
    {
        public const int Shared = 320;

        private readonly int _d, _g;
        private readonly KvPages _kv;
        private readonly PageTable[] _tables;
        private readonly AlignedBuffer _memory;

        public Scene(int d, int g, KvFormat format, int[]? lengths = null)
        {
            (_d, _g) = (d, g);
            Lengths = lengths ?? [Shared + 1, Shared + 64, Shared + 77];
            _kv = new KvPages(new KvLayout(1, 1, d, format) { KeyRows = true, ValueSums = true }, 256);
            int next = 1;
            int[] shared = [.. Enumerable.Range(0, Shared / 16).Select(_ => next++)];
            _tables = [.. Lengths.Select(length =>
            {
                var table = new PageTable(length + 16);
                foreach (int page in shared) table.Append(page);
                while (table.Count < KvLayout.PagesFor(length)) table.Append(next++);
                return table;
            })];
            float[] numbers = Levels.Random(next * 16 * d * 2, d + g);
            fixed (float* x = numbers)
                for (int t = 16; t < next * 16; t++) _kv.Write(0, 0, t / 16, t % 16, x + (2 * t - 32) * d, x + (2 * t - 31) * d);
            _memory = new AlignedBuffer(3 * g * d * 2 * sizeof(float));
            Levels.Random(3 * g * d, 7, 3f).CopyTo(new Span<float>(Q, 3 * g * d));
        }

        public int[] Lengths { get; }

        private float* Q => _memory.Floats;

        public float[] Attend(IAttentionPolicy policy, out int sparseRows)
        {
            using var backend = new CpuBackend(2);
            var batch = new Batch(3, 3);
            for (int row = 0; row < 3; row++) batch.Add(_tables[row], Lengths[row] - 1, [0], decodeFrom: 0);
            var plan = new AttentionPlan(3, 8);
            plan.Begin(batch);
            policy.Plan(batch, plan);
            plan.Finish(kvHeads: 1, threads: 2);
            sparseRows = plan.SparseRows;
            int columns = _g * _d;
            Matrix q = new(Q, 3, columns, columns), output = new(Q + 3 * columns, 3, columns, columns);
            backend.Attend(_kv, 0, q, AttentionRule.Plain(_d), batch, plan, output);
            return output.Floats.ToArray();
        }

        /// <summary>SparQ's steps with sums over all rows and heads, then exact attention to what they chose and to each row's own.</summary>
        public double[] InDouble(int r, int k)
        {
            int queries = 3 * _g;
            int[] components = [.. Enumerable.Range(0, _d).OrderByDescending(i => Enumerable.Range(0, queries).Sum(h => Math.Abs(Q[h * _d + i]))).ThenBy(i => i).Take(r)];
            double[] votes = new double[Shared];
            for (int h = 0; h < queries; h++)
            {
                double covered = components.Sum(i => Math.Abs((double)Q[h * _d + i])), all = Enumerable.Range(0, _d).Sum(i => Math.Abs((double)Q[h * _d + i]));
                double[] softmax = SparseScene.Softmax([.. Enumerable.Range(0, Shared).Select(t => components.Sum(i => Q[h * _d + i] * Key(0, t, i)) / Math.Sqrt(_d * covered / all))]);
                for (int t = 0; t < Shared; t++) votes[t] += softmax[t];
            }

            int[] chosen = [.. Enumerable.Range(0, Shared).OrderByDescending(t => votes[t]).ThenBy(t => t).Take(k)];
            double[] output = new double[queries * _d];
            for (int h = 0; h < queries; h++)
            {
                int row = h / _g;
                int[] seen = [.. chosen, .. Enumerable.Range(Shared, Lengths[row] - Shared)];
                double[] weights = SparseScene.Softmax([.. seen.Select(t => Enumerable.Range(0, _d).Sum(i => Q[h * _d + i] * Key(row, t, i)) / Math.Sqrt(_d))]);
                for (int i = 0; i < _d; i++) output[h * _d + i] = seen.Select((t, j) => weights[j] * _kv.Value(0, 0, _tables[row][t / 16], t % 16, i)).Sum();
            }

            return output;
        }

        public void Dispose()
        {
            _kv.Dispose();
            _memory.Dispose();
        }

        private double Key(int row, int t, int i) => _kv.Key(0, 0, _tables[row][t / 16], t % 16, i);
    }
}
