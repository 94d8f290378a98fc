using Coppice.Backends;
using Coppice.Conversion;
using Coppice.Loading;
using Coppice.Models;
using Coppice.Scheduling;
using Coppice.Tests.Loading;
using Coppice.Tests.Models;
using static Coppice.Tests.Conversion.Converted;

namespace Coppice.Tests.Conversion;

/// <summary>Every family, from either container, to a GGUF file that is the same model.</summary>
public sealed class FamilyConversionTests
{
    private static readonly EngineOptions s_floats = new() { Weights = WeightFormat.F32 };

    // What GGUF cannot say, and the words it is refused with.
    private static readonly Dictionary<string, string> s_refused = new(StringComparer.Ordinal)
    {
        ["llama dynamic folder"] = "RoPE scaling is 'dynamic'",
        ["llama dynamic, context of 128, folder"] = "RoPE scaling is 'dynamic'",
        ["gpt-neox sequential folder"] = "its activation is the approximation of GELU",
        ["qwen2 windowed folder"] = "see 16 positions only (use_sliding_window)",
    };

    public static TheoryData<string> Folders => [.. TinyFamilies.All.Keys.Where(name => name.EndsWith("folder", StringComparison.Ordinal) && !s_refused.ContainsKey(name))];

    public static TheoryData<string> Files => [.. TinyFamilies.All.Keys.Where(name => name.EndsWith("gguf", StringComparison.Ordinal))];

    public static TheoryData<string> Refused => [.. s_refused.Keys];

    [Theory, MemberData(nameof(Folders))]
    public void A_folder_becomes_a_file_with_the_same_logits(string name)
    {
        using TempFolder folder = new();
        string from = Write(name, folder), to = folder.File("written.gguf");
        Convert(from, WeightType.F32, to);
        using ModelSource own = ModelSource.Open(from), written = ModelSource.Open(to);
        // Turned rows change the order of the sums in a score; divisors of RoPE's angles and the factor on its cosines are floats in GGUF. Else the bits are the same.
        RopeConfig before = own.Config.Rope, after = written.Config.Rope;
        bool sameBits = before.Pairing == after.Pairing && before.Scaling?.Kind == after.Scaling?.Kind && before.Scaling?.AttentionFactor == after.Scaling?.AttentionFactor;
        foreach ((float[] a, float[] b) in Logits(name, from, s_floats).Zip(Logits(name, to, s_floats)))
        {
            if (sameBits) Assert.Equal(a, b);
            float scale = Math.Max(1, a.Max(MathF.Abs));
            for (int i = 0; i < a.Length; i++) Assert.Equal(a[i], b[i], 1e-4f * scale);
        }
    }

    [Theory, MemberData(nameof(Refused))]
    public void What_GGUF_cannot_say_is_refused_by_name_and_leaves_no_file(string name)
    {
        using TempFolder folder = new();
        string from = Write(name, folder);
        string said = Assert.Throws<ModelFormatException>(() => Convert(from, WeightType.F32, folder.File("written.gguf"))).Message;
        Assert.Contains(s_refused[name], said, StringComparison.Ordinal);
        Assert.EndsWith("Use the folder itself, with --weights q8_0 if it is too large.", said, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(folder.Path, "*.gguf*"));
    }

    [Theory, MemberData(nameof(Files))]
    public void A_file_becomes_a_file_with_the_same_bits(string name)
    {
        using TempFolder folder = new();
        string from = TinyFamilies.All[name].Write(folder), to = folder.File("written.gguf");
        Convert(from, WeightType.F32, to);
        Assert.Equal(Logits(name, from, s_floats), Logits(name, to, s_floats));
    }

    [Theory, MemberData(nameof(Folders)), MemberData(nameof(Files))]
    public void Weights_in_q8_0_are_within_half_a_step_and_rows_that_do_not_divide_and_routers_are_exact(string name)
    {
        using TempFolder folder = new();
        string from = Write(name, folder);
        Convert(from, WeightType.F32, folder.File("exact.gguf"));
        Convert(from, WeightType.Q8_0, folder.File("rounded.gguf"));
        using GgufFile exact = GgufFile.Open(folder.File("exact.gguf")), rounded = GgufFile.Open(folder.File("rounded.gguf"));
        Assert.Equal(exact.Tensors.Select(t => t.Name), rounded.Tensors.Select(t => t.Name));
        Assert.Contains(rounded.Tensors, t => t.Type == WeightType.Q8_0);
        foreach ((WeightTensor a, WeightTensor b) in exact.Tensors.Zip(rounded.Tensors))
        {
            float[] own = Numbers(a), written = Numbers(b);
            bool stays = a.Shape.Count == 1 || a.Shape[^1] % 32 != 0 || a.Name.Contains("ffn_gate_inp", StringComparison.Ordinal);
            Assert.Equal(stays ? WeightType.F32 : WeightType.Q8_0, b.Type);
            if (stays) Assert.Equal(own, written);
            // The step is the largest number of 32 over 127, rounded to a half.
            for (int block = 0; !stays && block < own.Length; block += 32)
            {
                float step = own.AsSpan(block, 32).ToArray().Max(MathF.Abs) / 127 * (1 + 1f / 1024);
                for (int i = block; i < block + 32; i++) Assert.InRange(MathF.Abs(own[i] - written[i]), 0, step * 0.56f);
            }
        }
        // The file's own numbers, computed exactly, against those of the same numbers as floats.
        Convert(folder.File("rounded.gguf"), WeightType.F32, folder.File("again.gguf"));
        Assert.Equal(Logits(name, folder.File("again.gguf"), s_floats), Logits(name, folder.File("rounded.gguf"), s_floats));
    }

    [Theory, MemberData(nameof(Folders))]
    public void A_folder_in_q8_0_computes_nearly_what_it_did(string name)
    {
        using TempFolder folder = new();
        string from = Write(name, folder), to = folder.File("written.gguf");
        Convert(from, WeightType.Q8_0, to);
        double error = 0, all = 0;
        foreach ((float[] a, float[] b) in Logits(name, from, s_floats, decoded: 1).Zip(Logits(name, to, new EngineOptions(), decoded: 1)))
        {
            error += a.Zip(b).Sum(pair => Math.Pow(pair.First - pair.Second, 2));
            all += a.Sum(value => Math.Pow(value, 2));
        }
        // Scores of these models are large, and one with two that are nearly equal turns to the other: a weight in a wrong place gives more than 1.
        Assert.InRange(Math.Sqrt(error / all), 1e-6, 0.5);
    }

    private static string Write(string name, TempFolder folder)
    {
        string path = TinyFamilies.All[name].Write(folder);
        if (!Directory.Exists(path)) return path;
        string vocabulary = string.Join(',', Enumerable.Range(0, TinyFamilies.All[name].Model.V).Select(id => $"\"{(id == '\\' - 'A' ? 'é' : (char)('A' + id))}\":{id}"));
        folder.Write("tokenizer.json", """{"model":{"type":"BPE","vocab":{VOCABULARY},"merges":[]},"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false}}""".Replace("VOCABULARY", vocabulary, StringComparison.Ordinal));
        return path;
    }

    // Of a prompt's end and of the tokens that follow.
    private static List<float[]> Logits(string name, string path, EngineOptions options, int decoded = 6)
    {
        using FamilyRun run = new(path, options with { MaxContextTokens = TinyFamilies.All[name].Context }, new CpuBackend(2, options.Weights));
        int[] prompt = [.. Enumerable.Range(0, 25).Select(i => i * 7 % TinyFamilies.All[name].Model.V)];
        Request request = run.Submit(prompt, new GenerateOptions { MaxTokens = decoded, Temperature = 0, IgnoreEndOfText = true });
        run.Run();
        if (request.Error is { } error) throw error;
        return run.Seen[(request, 0)];
    }
}
