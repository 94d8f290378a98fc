using Coppice.Backends;
using Coppice.Loading;
using Coppice.Memory;
using Coppice.Models;
using Coppice.Tests.Loading;

namespace Coppice.Tests.Models;

public sealed class RouterTests
{
    [Theory, InlineData(WeightFormat.Q8_0), InlineData(WeightFormat.BF16), InlineData(WeightFormat.F32)]
    public void A_router_is_not_rounded_whatever_format_the_other_weights_get(WeightFormat format)
    {
        using TempFolder folder = new();
        using ModelSource source = ModelSource.Open(TinyFamilies.All["mixtral folder"].Write(folder));
        using CpuBackend backend = new(1, format), exact = new(1, WeightFormat.F32);
        WeightLoader load = new(source.Config, source.Weight, backend), plain = new(source.Config, source.Weight, exact);
        using ILinearWeights router = load.Router(0), own = plain.Matrix(0, WeightRole.Router);
        Assert.Equal(Product(exact, own), Product(backend, router));

        using ILinearWeights query = load.Matrix(0, WeightRole.Query), floats = plain.Matrix(0, WeightRole.Query);
        Assert.Equal(format == WeightFormat.F32, Product(exact, floats).SequenceEqual(Product(backend, query)));

        // The layer holds that router: it has its bytes beside those of the experts.
        using Experts experts = new(load, 0);
        long others = 0;
        for (int i = 0; i < source.Config.Experts!.Count; i++)
        {
            using FeedForward one = load.FeedForward(0, i);
            others += one.Bytes;
        }
        Assert.Equal(router.Bytes, experts.Bytes - others);
    }

    private static float[] Product(CpuBackend backend, ILinearWeights weights)
    {
        using StepArena arena = new();
        Matrix x = arena.Matrix(3, weights.Inputs), y = arena.Matrix(3, weights.Outputs);
        Random random = new(5);
        for (int row = 0; row < x.Rows; row++)
            foreach (ref float number in x.Row(row)) number = (float)(random.NextDouble() * 2 - 1);
        backend.Linear(x, weights, y);
        return [.. Enumerable.Range(0, y.Rows).SelectMany(row => y.Row(row).ToArray())];
    }
}
