using Coppice.Sampling;

namespace Coppice.Tests.Sampling;

public class SoftmaxTests
{
    [Fact]
    public void Weights_are_exponentials_to_the_last_places()
    {
        Random random = new(1);
        float[] logits = [.. Enumerable.Range(0, 20_000).Select(i => -MathF.Pow(10, (10 * random.NextSingle()) - 7) % 700)];
        double[] weights = new double[logits.Length];
        Softmax.Weights(logits, 0, 1, weights);
        for (int i = 0; i < logits.Length; i++)
        {
            double expected = Math.Exp(logits[i]);
            Assert.InRange(weights[i], expected * (1 - 5e-16), expected * (1 + 5e-16));
        }
    }

    [Fact]
    public void The_largest_logit_weighs_exactly_one_and_the_hopeless_nothing()
    {
        double[] weights = new double[4];
        Softmax.Weights([7.3f, -701, float.NegativeInfinity, float.MinValue], 7.3f, 1, weights);
        Assert.Equal([1, 0, 0, 0], weights);
    }

    [Fact]
    public void A_weight_does_not_depend_on_its_place_in_the_row()
    {
        Random random = new(2);
        for (int length = 1; length <= 70; length++)
        {
            float[] logits = RandomLogits.Make(random, length);
            double[] weights = new double[length];
            double[] single = new double[1];
            Softmax.Weights(logits, 20, 1.0 / 0.7, weights);
            for (int i = 0; i < length; i++)
            {
                Softmax.Weights([logits[i]], 20, 1.0 / 0.7, single);
                Assert.Equal(BitConverter.DoubleToInt64Bits(single[0]), BitConverter.DoubleToInt64Bits(weights[i]));
            }
        }
    }

    [Fact]
    public void The_weights_have_the_same_bits_on_every_machine()
    {
        float[] logits = [.. Enumerable.Range(0, 1000).Select(i => -i * 0.0517f)];
        double[] weights = new double[logits.Length];
        Softmax.Weights(logits, 0, 1 / 0.83, weights);
        ulong hash = 14695981039346656037;
        foreach (double weight in weights) hash = (hash ^ BitConverter.DoubleToUInt64Bits(weight)) * 1099511628211;
        // Both numbers were computed outside .NET, operation by operation in IEEE double.
        Assert.Equal(HashOfWeights, hash);
        Assert.Equal(BitsOfSum, BitConverter.DoubleToUInt64Bits(Softmax.Sum(weights)));
    }

    private const ulong HashOfWeights = 9104473328963811719;
    private const ulong BitsOfSum = 4625354260053049749;

    [Fact]
    public void Log_sum_exp_agrees_with_its_definition_at_every_length()
    {
        Random random = new(3);
        foreach (int length in Enumerable.Range(1, 70).Concat([255, 256, 257, 1000]))
        {
            float[] logits = RandomLogits.Make(random, length);
            float max = logits.Max();
            double expected = max + Math.Log(logits.Sum(logit => Math.Exp((double)logit - max)));
            Assert.Equal(expected, Softmax.LogSumExp(logits, max), 1e-13 * Math.Max(1, Math.Abs(expected)));
        }
    }
}
