using System.Text.Json;
using Coppice.Tests.Loading;

namespace Coppice.Tests.Cli;

public sealed class InspectTests : IDisposable
{
    private readonly Tool _tool = new();
    private readonly TempFolder _folder = new();

    public void Dispose()
    {
        _tool.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_model_as_json_has_its_facts_by_name()
    {
        Assert.Equal(0, await _tool.RunAsync("inspect", TestData.SampleModel, "--json", "--kv", "bf16"));
        using JsonDocument document = JsonDocument.Parse(_tool.Output);
        JsonElement root = document.RootElement;
        Assert.Equal((true, "llama", 3_016_960), (root.GetProperty("runs").GetBoolean(), root.GetProperty("family").GetString(), root.GetProperty("parameters").GetInt64()));
        Assert.Equal(("BF16", 38), (root.GetProperty("formats")[0].GetProperty("type").GetString(), root.GetProperty("formats")[0].GetProperty("tensors").GetInt32()));
        Assert.Equal((4, 10_000), (root.GetProperty("config").GetProperty("layers").GetInt32(), root.GetProperty("config").GetProperty("rope").GetProperty("base").GetDouble()));
        Assert.Equal(2_048_000, root.GetProperty("memory").GetProperty("kv_bytes_per_1000_tokens").GetInt64());
        Assert.Equal(1, root.GetProperty("tokenizer").GetProperty("special_tokens").GetProperty("<s>").GetInt32());
        Assert.True(root.GetProperty("chat_templates")[0].GetProperty("renders").GetBoolean());
        Assert.Equal(0, root.GetProperty("refusals").GetArrayLength());
    }

    [Theory]
    [InlineData("native")]
    [InlineData("f32")]
    [InlineData("bf16")]
    [InlineData("q8_0")]
    public async Task The_weights_take_the_memory_that_is_predicted(string format)
    {
        Assert.Equal(0, await _tool.RunAsync("inspect", TestData.SampleModel, "--json", "--weights", format));
        using JsonDocument document = JsonDocument.Parse(_tool.Output);
        double predicted = document.RootElement.GetProperty("memory").GetProperty("packed_bytes").GetDouble();
        using Engine engine = Engine.Open(TestData.SampleModel, new EngineOptions { Weights = Enum.Parse<WeightFormat>(format, ignoreCase: true), Threads = 1, KvBytes = 1 << 20 });
        Assert.InRange(engine.WeightBytes / predicted, 0.98, 1.15);
    }

    [Fact]
    public async Task A_model_that_would_be_refused_is_shown_with_every_reason()
    {
        _folder.Write("config.json", """{"model_type":"mamba","num_hidden_layers":2,"hidden_size":8,"vocab_size":"many"}""");
        _folder.Write("model.safetensors", SafetensorsBuilder.Build(("a.weight", "F8_E4M3", [2, 4], new byte[8]), ("b.weight", "F8_E4M3", [4], new byte[4]), ("c.weight", "F32", [1], new byte[4])));
        _folder.Write("chat_template.jinja", "{{ 1 + }}");
        Assert.Equal(2, await _tool.RunAsync("inspect", _folder.Path));
        string[] lines = _tool.Output.Split('\n');
        Assert.Contains("family             mamba (refused)", lines);
        Assert.Contains("settings           num_hidden_layers 2, hidden_size 8", lines);
        Assert.Contains("formats            F8_E4M3: 2 of 12 B (does not run), F32: 1 of 4 B", lines);
        Assert.Contains(lines, line => line.StartsWith("chat template      in chat_template.jinja: does not render. Chat template, line 1: ", StringComparison.Ordinal));
        string[] refused = [.. lines.Where(line => line.StartsWith("would be refused ", StringComparison.Ordinal))];
        Assert.Contains(refused, line => line.Contains("model_type is 'mamba'", StringComparison.Ordinal));
        Assert.Contains(refused, line => line.Contains("Tensor 'a.weight' is kept as F8_E4M3", StringComparison.Ordinal) && line.EndsWith("(1 more of this type.)", StringComparison.Ordinal));
        Assert.Contains(refused, line => line.Contains("There is no tokenizer here", StringComparison.Ordinal));
        Assert.Equal(3, refused.Length);
        Assert.Equal("", _tool.Error);
        Assert.Empty(_folder.StillOpen());

        Assert.Equal(2, await _tool.RunAsync("inspect", _folder.Path, "--json"));
        using JsonDocument document = JsonDocument.Parse(_tool.Output);
        Assert.False(document.RootElement.GetProperty("runs").GetBoolean());
        Assert.Equal(3, document.RootElement.GetProperty("refusals").GetArrayLength());
        Assert.Equal("mamba", document.RootElement.GetProperty("architecture").GetString());
    }

    [Fact]
    public async Task A_model_that_lacks_a_tensor_says_so()
    {
        foreach (string file in (string[])["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"]) File.Copy(Path.Combine(TestData.SampleModel, file), _folder.File(file));
        _folder.Write("model.safetensors", SafetensorsBuilder.Build(("model.norm.weight", "F32", [256], new byte[1024])));
        Assert.Equal(2, await _tool.RunAsync("inspect", _folder.Path));
        Assert.Contains("family             llama\n", _tool.Output, StringComparison.Ordinal);
        Assert.Contains("would be refused   ", _tool.Output, StringComparison.Ordinal);
        Assert.Contains("is missing; needed: [", _tool.Output, StringComparison.Ordinal);
        Assert.Contains("chat template      none: chat needs --chat-template", _tool.Output, StringComparison.Ordinal);
    }

    [SharedTheory]
    [InlineData("stories260K/stories260K-f32.gguf", 0, "in GGUF metadata, 512 tokens")]
    [InlineData("stories260K/hf", 0, "BPE in tokenizer.json, 512 tokens")]
    [InlineData("tokenizers/ggml-vocab-gpt-2.gguf", 2, "gpt2 ('gpt-2') in GGUF metadata, 50,257 tokens")]
    [InlineData("badfiles/gguf_sem_template_ssti.gguf", 2, "'__class__' of a tuple is not for templates")]
    public async Task A_container_of_either_kind_is_shown(string path, int code, string says)
    {
        Assert.Equal(code, await _tool.RunAsync("inspect", TestData.Shared("testdata/" + path)));
        Assert.Contains(says, _tool.Output, StringComparison.Ordinal);
        Assert.Equal(code == 2, _tool.Output.Contains("would be refused", StringComparison.Ordinal));
    }

    [SharedFact]
    public async Task Every_hostile_file_is_refused_in_lines()
    {
        foreach (string file in Directory.EnumerateFiles(TestData.Shared("testdata/badfiles"), "*.gguf"))
        {
            int code = await _tool.RunAsync("inspect", file);
            Assert.Equal(2, code);
            Assert.DoesNotContain("Unexpected", _tool.Error, StringComparison.Ordinal);
            Assert.True(_tool.Error.Length > 0 ? _tool.Error.Count(c => c == '\n') == 1 : _tool.Output.Contains("would be refused", StringComparison.Ordinal), file);
        }
    }
}
