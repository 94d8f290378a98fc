using Coppice.Tests.Loading;
using Coppice.Tests.Models;

namespace Coppice.Tests.Cli;

/// <summary>Checkpoints of every family as inspect shows them. They have no tokenizer, so that one refusal is expected.</summary>
public sealed class InspectFamiliesTests
{
    public static TheoryData<string> Cases => [.. TinyFamilies.All.Keys];

    [Theory, MemberData(nameof(Cases))]
    public async Task A_model_of_any_family_is_shown_and_lacks_only_its_tokenizer(string name)
    {
        string[] lines = await InspectAsync(name);
        string refused = Assert.Single(lines, line => line.StartsWith("would be refused", StringComparison.Ordinal));
        Assert.Contains("tokenizer", refused, StringComparison.Ordinal);
        Assert.Contains(lines, line => line.StartsWith("positions ", StringComparison.Ordinal) && line.Contains("RoPE, base ", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("formats ", StringComparison.Ordinal) && line.Contains("F32: ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("gemma 2 folder", "window ", " positions in ")]
    [InlineData("gemma 2 folder", "soft caps ", "scores at ")]
    [InlineData("gemma 3 gguf", "positions, local ", "RoPE, base ")]
    [InlineData("mixtral folder", "experts ", " for each token")]
    [InlineData("pythia folder", "norm ", "LayerNorm, ")]
    public async Task What_is_special_to_a_family_is_shown(string name, string label, string value) =>
        Assert.Contains(await InspectAsync(name), line => line.StartsWith(label, StringComparison.Ordinal) && line.Contains(value, StringComparison.Ordinal));

    [Fact]
    public async Task The_scaling_of_positions_is_shown() =>
        Assert.Contains(await InspectAsync("llama linear folder"), line => line.Contains(", linear scaling by 4", StringComparison.Ordinal));

    private static async Task<string[]> InspectAsync(string name)
    {
        using TempFolder folder = new();
        using Tool tool = new();
        Assert.Equal(2, await tool.RunAsync("inspect", TinyFamilies.All[name].Write(folder)));
        Assert.Equal("", tool.Error);
        Assert.Empty(folder.StillOpen());
        return tool.Output.Split('\n');
    }
}
