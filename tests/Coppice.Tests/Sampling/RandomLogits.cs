namespace Coppice.Tests.Sampling;

internal static class RandomLogits
{
    /// <summary>Normal with deviation 3; at times in coarse steps, so that many are equal, with both zeros, or with some at -inf.</summary>
    public static float[] Make(Random random, int vocabularySize)
    {
        bool coarse = random.Next(2) == 0;
        bool masked = random.Next(4) == 0;
        float[] logits = new float[vocabularySize];
        for (int i = 0; i < logits.Length; i++)
        {
            double normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            float logit = (float)(3 * normal);
            if (coarse) logit = MathF.Round(logit);
            if (masked && i > 0 && random.Next(5) == 0) logit = float.NegativeInfinity;
            logits[i] = logit;
        }
        return logits;
    }
}
