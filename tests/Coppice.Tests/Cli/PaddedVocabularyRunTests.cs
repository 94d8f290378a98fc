using System.Text;
using System.Text.Json;
using Coppice.Cli;

namespace Coppice.Tests.Cli;

/// <summary>A file of requests to a model whose tokenizer has fewer tokens than the model has rows.</summary>
public sealed class PaddedVocabularyRunTests(CutModels models) : IClassFixture<CutModels>
{
    [SharedTheory]
    [InlineData(CutModels.Folder), InlineData(CutModels.Gguf), InlineData(CutModels.Padded)]
    public async Task Lines_are_answered_or_refused_and_the_run_goes_on(string model)
    {
        const string lines = """
            {"custom_id":"drawn","prompt":"a","max_tokens":60,"n":8,"temperature":2,"seed":1,"ignore_eos":true,"logprobs":5}
            {"custom_id":"prompt","prompt":[1,450],"max_tokens":1}
            {"custom_id":"bias","prompt":"a","max_tokens":1,"logit_bias":{"450":1}}
            {"custom_id":"last","prompt":[1,265],"max_tokens":2,"temperature":0}
            """;
        using MemoryStream output = new(), input = new(Encoding.UTF8.GetBytes(lines));
        StringWriter error = new();
        int code = await CoppiceCommand.RunAsync(["run", "-", "--model", models.Path(model), "--kv-memory", "32MiB", "--threads", "2"], new Streams(input, false, output, error, false), EngineTextModel.Open, CancellationToken.None);
        Dictionary<string, JsonElement> results = Tool.Results(Encoding.UTF8.GetString(output.ToArray())).ToDictionary(Tool.Id);
        Assert.Equal((4, 200, 400, 400, 200), (results.Count, Tool.Status(results["drawn"]), Tool.Status(results["prompt"]), Tool.Status(results["bias"]), Tool.Status(results["last"])));
        foreach (string refused in (string[])["prompt", "bias"]) Assert.Contains("450, which is beyond the tokenizer's 400 tokens", Tool.Message(results[refused]), StringComparison.Ordinal);
        Assert.Equal(1, code);
    }
}
