using Coppice.Kernels;

namespace Coppice.Tests.Kernels;

public sealed class IsaTests
{
    [Fact]
    public void The_level_in_force_is_the_one_asked_for()
    {
        int expected = Environment.GetEnvironmentVariable(Isa.Variable) switch
        {
            "scalar" => 0,
            "128" => 128,
            "256" => 256,
            "512" => 512,
            _ => Isa.Native,
        };
        Assert.Equal(expected, Isa.Width);
        Assert.Contains(expected == 0 ? "scalar" : $"{expected}-bit", Isa.Describe(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("avx2")]
    [InlineData("1024")]
    [InlineData("SCALAR")]
    public void A_wrong_level_is_refused_with_the_choices(string asked)
    {
        var error = Assert.Throws<ArgumentException>(() => Isa.ThrowIfUnknown(asked));
        Assert.Contains($"'{asked}'", error.Message, StringComparison.Ordinal);
        Assert.Contains("scalar, 128, 256, 512 or native", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_asked_means_native()
    {
        Assert.True(Isa.TryParse(null, out int width));
        Assert.Equal(Isa.Native, width);
        Isa.ThrowIfUnknown(null);
    }
}
