using Coppice.Cli;
using Coppice.Loading;

namespace Coppice.Tests.Cli;

public sealed class QuantizeTests
{
    [Fact]
    public async Task A_model_becomes_a_file_and_stderr_says_what_it_is()
    {
        using Tool tool = new();
        Assert.Equal(ExitCodes.Ok, await tool.RunAsync("quantize", TestData.SampleModel, tool.Path("q.gguf"), "--type", "q4_k"));
        Assert.Empty(tool.Output);
        foreach (string line in new[] { "% blk.", $"written  {tool.Path("q.gguf")}, 1.8", "q4_k     24 tensors, ", "4.5 bits a weight, mean squared error ", "f32      9 tensors, ", "exact", "4 tensors have rows of 640 weights, no whole blocks of 256: written as Q5_0 instead of Q4_K" })
            Assert.Contains(line, tool.Error, StringComparison.Ordinal);
        using GgufFile file = GgufFile.Open(tool.Path("q.gguf"));
        Assert.Equal("starcoder", file.Metadata.RequiredString("tokenizer.ggml.pre"));
    }

    [Theory]
    [InlineData("--overwrite")]
    [InlineData("--force")]     // its name in version 1, which no help shows
    public async Task A_file_that_is_there_is_replaced_only_if_asked(string option)
    {
        using Tool tool = new();
        tool.File("q.gguf", "precious");
        Assert.Equal(ExitCodes.Usage, await tool.RunAsync("quantize", TestData.SampleModel, tool.Path("q.gguf"), "--type", "q8_0"));
        Assert.Equal($"coppice: '{tool.Path("q.gguf")}' is there already. Name another file, or add --overwrite to replace it.\n", tool.Error.ReplaceLineEndings("\n"));
        Assert.Equal("precious", File.ReadAllText(tool.Path("q.gguf")).Trim());
        Assert.Equal(ExitCodes.Ok, await tool.RunAsync("quantize", TestData.SampleModel, tool.Path("q.gguf"), "--type", "q8_0", option));
        using GgufFile file = GgufFile.Open(tool.Path("q.gguf"));
        Assert.True(file.TryGetTensor("token_embd.weight", out WeightTensor? embedding) && embedding.Type == WeightType.Q8_0);
    }

    [Fact]
    public async Task A_folder_that_GGUF_has_no_words_for_is_refused_in_one_line()
    {
        using Tool tool = new();
        foreach (string file in Directory.GetFiles(TestData.SampleModel)) File.Copy(file, tool.Path(Path.GetFileName(file)));
        string config = File.ReadAllText(tool.Path("config.json"));
        File.WriteAllText(tool.Path("config.json"), config.Insert(config.IndexOf('{', StringComparison.Ordinal) + 1, """ "rope_scaling": {"type": "dynamic", "factor": 2.0},"""));
        Assert.Equal(ExitCodes.Usage, await tool.RunAsync("quantize", Path.GetDirectoryName(tool.Path("x"))!, tool.Path("q.gguf"), "--type", "q8_0"));
        Assert.Contains("RoPE scaling is 'dynamic'", Assert.Single(tool.Error.Trim().Split('\n')), StringComparison.Ordinal);
        Assert.False(File.Exists(tool.Path("q.gguf")));
    }

    [Theory]
    [InlineData("nowhere/q.gguf", "q8_0", "There is no folder")]
    [InlineData("q.gguf", "q9_z", "--type is 'q9_z'; it must be f32, f16, bf16")]
    [InlineData("q.bin", "q8_0", "must end in .gguf")]
    public async Task A_wrong_line_is_refused(string output, string type, string said)
    {
        using Tool tool = new();
        Assert.Equal(ExitCodes.Usage, await tool.RunAsync("quantize", TestData.SampleModel, tool.Path(output), "--type", type));
        Assert.Contains(said, tool.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(tool.Path(output)));
    }
}
