namespace Coppice.Tests.Models;

/// <summary>
/// The decoder from its descriptions, in double, position by position, without a cache, and without a line of the engine: Vaswani et al. 2017; Zhang &amp;
/// Sennrich 2019; Su et al. 2021; Shazeer 2020; Jiang et al. 2024 for experts; Gemma Team 2024 for caps, windows and post-norms.
/// </summary>
internal static class Oracle
{
    /// <summary>Logits behind every token, [T][V].</summary>
    public static double[][] Logits(TinyModel m, int[] tokens) =>
        [.. Hidden(m, tokens).Select(row => Multiply(m, m.Tied ? "embed" : "head", row).Select(z => m.LogitCap == 0 ? z : m.LogitCap * Math.Tanh(z / m.LogitCap)).ToArray())];

    /// <summary>What the output weights read behind every token, [T][E].</summary>
    public static double[][] Hidden(TinyModel m, int[] tokens)
    {
        double[][] x = [.. tokens.Select(token => Row(m, "embed", token).Select(v => v * m.EmbeddingScale).ToArray())];
        for (int layer = 0; layer < m.Layers; layer++)
        {
            double[][] attention = Attention(m, layer, x);
            for (int t = 0; t < x.Length; t++)
            {
                double[] attended = m.PostNorms ? Norm(m, $"{layer}.attention post norm", attention[t]) : attention[t];
                double[] after = Sum(x[t], attended);
                double[] fed = FeedForward(m, layer, Norm(m, $"{layer}.ffn norm", m.Parallel ? x[t] : after));
                if (m.PostNorms) fed = Norm(m, $"{layer}.ffn post norm", fed);
                x[t] = Sum(after, fed);
            }
        }
        return [.. x.Select(row => Norm(m, "norm", row))];
    }

    private static double[][] Attention(TinyModel m, int layer, double[][] x)
    {
        int group = m.H / m.Hkv, window = m.Window(layer);
        double scale = m.AttentionScale ?? 1 / Math.Sqrt(m.D);
        double[][] q = new double[x.Length][], k = new double[x.Length][], v = new double[x.Length][], result = new double[x.Length][];
        for (int t = 0; t < x.Length; t++)
        {
            double[] normed = Norm(m, $"{layer}.attention norm", x[t]);
            q[t] = Heads(m, layer, "q", normed, t);
            k[t] = Heads(m, layer, "k", normed, t);
            v[t] = Bias(m, $"{layer}.v bias", Multiply(m, $"{layer}.v", normed));
        }

        for (int t = 0; t < x.Length; t++)
        {
            double[] output = new double[m.H * m.D];
            int first = window == 0 ? 0 : Math.Max(0, t - window + 1);
            for (int h = 0; h < m.H; h++)
            {
                int query = h * m.D, key = h / group * m.D;
                double[] scores = [.. Enumerable.Range(first, t - first + 1).Select(s =>
                {
                    double score = Enumerable.Range(0, m.D).Sum(i => q[t][query + i] * k[s][key + i]) * scale;
                    return m.AttentionCap == 0 ? score : m.AttentionCap * Math.Tanh(score / m.AttentionCap);
                })];
                double[] weights = Softmax(scores);
                for (int s = 0; s < weights.Length; s++)
                    for (int i = 0; i < m.D; i++) output[query + i] += weights[s] * v[first + s][key + i];
            }
            result[t] = Bias(m, $"{layer}.o bias", Multiply(m, $"{layer}.o", output));
        }
        return result;
    }

    private static double[] Heads(TinyModel m, int layer, string name, double[] x, int position)
    {
        double[] heads = Bias(m, $"{layer}.{name} bias", Multiply(m, $"{layer}.{name}", x));
        double[] angles = m.Angles?.Invoke(layer) ?? m.PlainAngles(m.RopeBase);
        for (int head = 0; head < heads.Length; head += m.D)
        {
            if (m.QueryKeyNorms) Rms(m, $"{layer}.{name} norm", heads[head..(head + m.D)]).CopyTo(heads, head);
            for (int i = 0; i < angles.Length; i++)
            {
                double a = heads[head + i], b = heads[head + angles.Length + i], cos = Math.Cos(position * angles[i]) * m.RopeMagnitude, sin = Math.Sin(position * angles[i]) * m.RopeMagnitude;
                (heads[head + i], heads[head + angles.Length + i]) = (a * cos - b * sin, b * cos + a * sin);
            }
        }
        return heads;
    }

    private static double[] FeedForward(TinyModel m, int layer, double[] x)
    {
        if (m.Experts == 0) return Expert(m, layer, 0, x);
        double[] router = Multiply(m, $"{layer}.router", x), shares = Softmax(router), y = new double[x.Length];
        int[] best = [.. Enumerable.Range(0, m.Experts).OrderByDescending(i => router[i]).Take(m.ExpertsPerToken)];
        double sum = m.NormalizedExperts ? best.Sum(i => shares[i]) : 1;
        foreach (int expert in best) y = Sum(y, [.. Expert(m, layer, expert, x).Select(v => v * shares[expert] / sum)]);
        return y;
    }

    private static double[] Expert(TinyModel m, int layer, int expert, double[] x)
    {
        double[] up = Bias(m, $"{layer}.up bias", Multiply(m, $"{layer}.up.{expert}", x));
        double[] between = m.Gated
            ? [.. Bias(m, $"{layer}.gate bias", Multiply(m, $"{layer}.gate.{expert}", x)).Select((g, i) => m.Activation(g) * up[i])]
            : [.. up.Select(m.Activation)];
        return Bias(m, $"{layer}.down bias", Multiply(m, $"{layer}.down.{expert}", between));
    }

    private static double[] Norm(TinyModel m, string name, double[] x)
    {
        if (!m.LayerNorm) return Rms(m, name, x);
        double mean = x.Average(), deviation = Math.Sqrt(x.Average(v => (v - mean) * (v - mean)) + m.Epsilon);
        float[] w = m.Tensors[name].Data, b = m.Tensors[$"{name} bias"].Data;
        return [.. x.Select((v, i) => (v - mean) / deviation * w[i] + b[i])];
    }

    private static double[] Rms(TinyModel m, string name, double[] x)
    {
        double rms = Math.Sqrt(x.Average(v => v * v) + m.Epsilon);
        float[] w = m.Tensors[name].Data;
        return [.. x.Select((v, i) => v / rms * (m.NormOffset ? 1.0 + w[i] : w[i]))];
    }

    private static double[] Multiply(TinyModel m, string name, double[] x)
    {
        (float[] w, long[] shape) = m.Tensors[name];
        double[] y = new double[shape[0]];
        for (int j = 0; j < y.Length; j++)
            for (int i = 0; i < x.Length; i++) y[j] += (double)w[j * x.Length + i] * x[i];
        return y;
    }

    private static double[] Bias(TinyModel m, string name, double[] x) => m.Tensors.TryGetValue(name, out (float[] Data, long[] Shape) bias) ? [.. x.Select((v, i) => v + bias.Data[i])] : x;

    private static double[] Softmax(double[] x)
    {
        double max = x.Max(), sum = x.Sum(v => Math.Exp(v - max));
        return [.. x.Select(v => Math.Exp(v - max) / sum)];
    }

    private static double[] Row(TinyModel m, string name, int row) => [.. m.Tensors[name].Data.Skip(row * m.E).Take(m.E).Select(v => (double)v)];

    private static double[] Sum(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];
}
