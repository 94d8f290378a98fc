using System.Text.Json;
using Coppice.Conversion;
using Coppice.Loading;
using Coppice.Models;
using Coppice.Scheduling;
using Coppice.Tests.Golden;
using Coppice.Tests.Loading;
using static Coppice.Tests.Conversion.Converted;

namespace Coppice.Tests.Conversion;

public sealed class ModelConversionTests
{
    [Fact]
    public void The_sample_model_answers_the_same_from_a_GGUF_file_of_floats()
    {
        using TempFolder folder = new();
        string path = folder.File("s.gguf");
        Convert(TestData.SampleModel, WeightType.F32, path);
        using TestEngine own = new(TestData.SampleModel, new EngineOptions { Weights = WeightFormat.F32 }), written = new(path, new EngineOptions());
        int[] prompt = own.Tokenizer.Encode("The code for Athens is 514. The code for Geneva is 806. The code for Athens is");
        Assert.Equal(prompt, written.Tokenizer.Encode("The code for Athens is 514. The code for Geneva is 806. The code for Athens is"));
        GenerateOptions greedy = new() { MaxTokens = 24, Temperature = 0, IgnoreEndOfText = true };
        Assert.Equal(own.Complete(prompt, greedy), written.Complete(prompt, greedy));
    }

    [Fact]
    public void Config_tokenizer_and_names_survive()
    {
        using TempFolder folder = new();
        string path = folder.File("s.gguf");
        Convert(TestData.SampleModel, WeightType.BF16, path);
        using ModelSource own = ModelSource.Open(TestData.SampleModel), written = ModelSource.Open(path);
        Assert.Equal(own.Config with { Rope = own.Config.Rope with { Pairing = RopePairing.Interleaved } }, written.Config);
        Assert.Equal(own.EndOfTextTokens, written.EndOfTextTokens);
        Assert.Equal(own.BeginOfTextToken, written.BeginOfTextToken);
        Tokenizer a = ModelTokenizer.Load(own), b = ModelTokenizer.Load(written);
        Assert.Equal(a.VocabularySize, b.VocabularySize);
        Assert.Equal((a.BeginOfText, a.EndOfText, a.AddsBeginOfText, a.AddsEndOfText), (b.BeginOfText, b.EndOfText, b.AddsBeginOfText, b.AddsEndOfText));
        for (int token = 0; token < a.VocabularySize; token++)
        {
            Assert.Equal(a.Piece(token), b.Piece(token));
            Assert.Equal(a.IsSpecial(token), b.IsSpecial(token));
            Assert.True(a.Bytes(token).SequenceEqual(b.Bytes(token)));
        }
    }

    [Theory, InlineData(WeightType.Q4_K), InlineData(WeightType.Q2_K), InlineData(WeightType.IQ4_XS), InlineData(WeightType.Q6_K)]
    public void What_does_not_divide_falls_back_and_the_output_keeps_six_bits(WeightType type)
    {
        using TempFolder folder = new();
        string path = folder.File("s.gguf");
        ConversionReport report = Convert(TestData.SampleModel, type, path);
        using GgufFile file = GgufFile.Open(path);
        Dictionary<string, WeightTensor> tensors = file.Tensors.ToDictionary(t => t.Name, StringComparer.Ordinal);
        Assert.Equal(WeightType.Q6_K, tensors["token_embd.weight"].Type); // the sample's output is its embedding
        Assert.Equal(WeightType.F32, tensors["blk.0.attn_norm.weight"].Type);
        Assert.Equal(type, tensors["blk.3.ffn_up.weight"].Type);
        Assert.Equal(type switch { WeightType.Q4_K => WeightType.Q5_0, WeightType.Q6_K => WeightType.Q8_0, _ => WeightType.IQ4_NL }, tensors["blk.1.ffn_down.weight"].Type);
        Assert.Contains("4 tensors have rows of 640", Assert.Single(report.Fallbacks), StringComparison.Ordinal);
        Assert.Equal(new FileInfo(path).Length, report.ByteCount);
        Assert.Equal(file.Tensors.Count, report.Types.Sum(t => t.Tensors));
        Assert.Equal(file.Tensors.Sum(t => t.ByteCount), report.Types.Sum(t => t.ByteCount));
    }

    // The shares are as measured, less two tokens of 87.
    [Theory]
    [InlineData(WeightType.Q8_0, 0.96), InlineData(WeightType.Q6_K, 0.91), InlineData(WeightType.Q5_K, 0.88), InlineData(WeightType.Q4_K, 0.82), InlineData(WeightType.IQ4_XS, 0.8), InlineData(WeightType.Q4_1, 0.75), InlineData(WeightType.Q2_K, 0.25)]
    public void A_quantised_sample_says_mostly_what_PyTorch_says(WeightType type, double leastShare)
    {
        using TempFolder folder = new();
        Convert(TestData.SampleModel, type, folder.File("s.gguf"));
        using TestEngine engine = new(folder.File("s.gguf"));
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(TestData.SampleModel, "golden.json")));
        List<(int Expected, Request Request)> requests = [];
        foreach (JsonElement one in golden.RootElement.EnumerateArray())
        {
            int[] ids = Ints(one.GetProperty("prompt_ids")), greedy = Ints(one.GetProperty("greedy_ids"));
            for (int i = 0; i < greedy.Length; i++)
                requests.Add((greedy[i], engine.Submit([.. ids, .. greedy.AsSpan(0, i)], new GenerateOptions { Temperature = 0, MaxTokens = 1, IgnoreEndOfText = true })));
        }
        engine.Run();
        double share = requests.Count(r => TestEngine.Answer(r.Request)[0] == r.Expected) / (double)requests.Count;
        Assert.InRange(share, leastShare, 1);

        static int[] Ints(JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetInt32())];
    }

    [Fact]
    public void A_GGUF_file_keeps_its_metadata_and_names_whatever_its_family()
    {
        using TempFolder folder = new();
        byte[] bytes = new GgufBuilder { Alignment = 64 }.Key("general.architecture", "unheard-of").Key("general.file_type", 1u).Key("general.alignment", 64u).Key("unheard-of.width", 7u).Key("a.b", 0.5f)
            .Array("texts", "x", "", "ÿ").Array("numbers", GgufValueType.Int8, 3, [1, 2, 255]).Key("yes", GgufValueType.Bool, [1]).Key("wide", GgufValueType.UInt64, new byte[8])
            .Tensor("odd.bias", [5], 0, new byte[20]).Tensor("m.weight", [256, 2], 0, new byte[2048]).Tensor("experts.weight", [32, 3, 2], 0, new byte[768]).Tensor("narrow.weight", [5, 3], 1, new byte[30])
            .Tensor("blk.0.ffn_gate_inp.weight", [32, 4], 0, new byte[512]).Build();
        string from = folder.Write("a.gguf", bytes), to = folder.File("b.gguf");
        Convert(from, WeightType.Q4_K, to);
        using GgufFile before = GgufFile.Open(from), after = GgufFile.Open(to);
        Assert.Equal(["general.architecture", "unheard-of.width", "a.b", "texts", "numbers", "yes", "wide", "general.file_type", "general.quantization_version"], after.Metadata.Keys);
        Assert.Equal("unheard-of", after.Metadata.RequiredString("general.architecture"));
        Assert.Equal(["x", "", "ÿ"], after.Metadata.StringArray("texts"));
        Assert.Equal("array of 3 Int8", after.Metadata.TypeOf("numbers"));
        Assert.Equal(14u, after.Metadata.RequiredUInt32("general.file_type"));
        Assert.Equal(before.Tensors.Select(t => t.Name), after.Tensors.Select(t => t.Name));
        Assert.Equal(before.Tensors.Select(t => string.Join(',', t.Shape)), after.Tensors.Select(t => string.Join(',', t.Shape)));
        Assert.Equal(["F32", "Q4_K", "Q5_0", "F16", "F32"], after.Tensors.Select(t => t.TypeName));
    }

    [Fact]
    public void Tensors_that_are_of_the_type_already_are_passed_on_bit_by_bit()
    {
        using TempFolder folder = new();
        Convert(TestData.SampleModel, WeightType.Q3_K, folder.File("a.gguf"));
        ConversionReport report = Convert(folder.File("a.gguf"), WeightType.Q3_K, folder.File("b.gguf"));
        Assert.All(report.Types, t => Assert.Equal(0, t.SquaredError));
        using GgufFile a = GgufFile.Open(folder.File("a.gguf")), b = GgufFile.Open(folder.File("b.gguf"));
        foreach ((WeightTensor before, WeightTensor after) in a.Tensors.Zip(b.Tensors)) Assert.Equal(Numbers(before), Numbers(after));
    }

    [Fact]
    public void Numbers_that_a_type_cannot_hold_are_refused_and_leave_no_file()
    {
        using TempFolder folder = new();
        foreach ((float bad, string said) in new[] { (float.NaN, "The checkpoint is damaged."), (1e6f, "Use bf16 or f32.") })
        {
            float[] numbers = new float[64];
            numbers[40] = bad;
            string from = folder.Write("a.gguf", new GgufBuilder().Key("general.architecture", "x").Tensor("t", [32, 2], 0, [.. numbers.SelectMany(BitConverter.GetBytes)]).Build());
            var error = Assert.Throws<ModelFormatException>(() => Convert(from, WeightType.Q4_0, folder.File("b.gguf")));
            Assert.StartsWith($"{from}: Tensor 't' has {bad} in row 1", error.Message, StringComparison.Ordinal);
            Assert.EndsWith(said, error.Message, StringComparison.Ordinal);
            Assert.Equal(["a.gguf"], Directory.GetFiles(folder.Path).Select(Path.GetFileName));
            // What was there before stays.
            string there = folder.Write("there.gguf", "precious");
            Assert.Throws<ModelFormatException>(() => Convert(from, WeightType.Q4_0, there));
            Assert.Equal("precious", File.ReadAllText(there));
            File.Delete(there);
        }
    }

    [Fact]
    public void Progress_counts_up_to_all_weights_tensor_by_tensor()
    {
        using TempFolder folder = new();
        using ConversionSource source = ConversionSource.Open(TestData.SampleModel);
        List<ConversionProgress> seen = [];
        ConversionReport report = ModelConversion.Run(source, WeightType.Q8_0, folder.File("b.gguf"), seen.Add, CancellationToken.None);
        Assert.Equal(source.Tensors.Select(t => t.Name), seen.Select(at => at.Tensor));
        Assert.Equal(seen.Select(at => at.DoneElements).Order(), seen.Select(at => at.DoneElements));
        Assert.All(seen, at => Assert.Equal(report.Types.Sum(t => t.Elements), at.AllElements));
        Assert.Equal(seen[^1].AllElements, seen[^1].DoneElements + source.Tensors[^1].Shape.Aggregate(1L, (a, b) => a * b));
    }

    [Fact]
    public void A_cancelled_conversion_leaves_no_file()
    {
        using TempFolder folder = new();
        using CancellationTokenSource cancellation = new();
        using ConversionSource source = ConversionSource.Open(TestData.SampleModel);
        Assert.ThrowsAny<OperationCanceledException>(() => ModelConversion.Run(source, WeightType.Q4_0, folder.File("b.gguf"), at => { if (at.DoneElements > 0) cancellation.Cancel(); }, cancellation.Token));
        Assert.Empty(Directory.GetFiles(folder.Path));
    }
}
