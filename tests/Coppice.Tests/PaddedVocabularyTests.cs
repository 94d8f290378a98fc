using Coppice.Loading;

namespace Coppice.Tests;

/// <summary>Ids that a model has rows for and its tokenizer has no tokens for are never drawn, never listed, and refused by name.</summary>
public sealed class PaddedVocabularyTests(CutModels models) : IClassFixture<CutModels>
{
    private const int Beyond = 450;
    private static readonly int[] s_prompt = [1, 265, 280, 300];
    private static readonly GenerateOptions s_free = new() { MaxTokens = 60, IgnoreEndOfText = true };

    [SharedTheory]
    [InlineData(CutModels.Folder), InlineData(CutModels.Gguf), InlineData(CutModels.Padded)]
    public async Task What_lies_beyond_the_tokenizer_is_never_drawn_or_listed(string model)
    {
        using Engine engine = models.Open(model);
        Assert.Equal((CutModels.Tokens, 512), (engine.Tokenizer.VocabularySize, engine.Config.VocabularySize));
        await NeverShowAsync(engine, id => id >= CutModels.Tokens);
    }

    [SharedTheory]
    [InlineData(CutModels.Gap), InlineData(CutModels.PaddedGap)]
    public async Task A_gap_in_the_vocabulary_is_never_drawn_or_listed(string model)
    {
        using Engine engine = models.Open(model);
        Assert.Equal((512, false, true), (engine.Tokenizer.VocabularySize, engine.Tokenizer.Has(CutModels.Missing), engine.Tokenizer.Has(CutModels.Missing + 1)));
        await NeverShowAsync(engine, id => id == CutModels.Missing);
    }

    [SharedFact]
    public async Task The_other_tokens_share_what_the_missing_ones_had()
    {
        using Engine whole = Engine.Open(TestData.Shared("testdata/stories260K/hf"), new EngineOptions { KvBytes = 32 << 20, Threads = 2 });
        using Engine cut = models.Open(CutModels.Folder), gap = models.Open(CutModels.Gap);
        // Greedy answers are those of the whole model with the same ids forbidden.
        foreach ((Engine engine, Func<int, bool> lacks) in ((Engine, Func<int, bool>)[])[(cut, id => id >= CutModels.Tokens), (gap, id => id == CutModels.Missing)])
        {
            GenerateOptions greedy = s_free with { Temperature = 0, LogProbs = 3 };
            Dictionary<int, float> forbidden = Enumerable.Range(0, 512).Where(lacks).ToDictionary(id => id, _ => -100f);
            GenerateChoice expected = (await whole.CompleteAsync(s_prompt, greedy with { LogitBias = forbidden })).Choices[0], choice = (await engine.CompleteAsync(s_prompt, greedy)).Choices[0];
            Assert.Equal(expected.Tokens, choice.Tokens);
            // The whole model's probability of a token, divided by that of all tokens that there are.
            double there = 0;
            foreach (int id in Enumerable.Range(0, 512).Where(id => !lacks(id))) there += Math.Exp((await whole.ScoreAsync(new[] { 1, 265, 280, 300, id }, 4)).Tokens[0].LogProb.LogProb);
            float wholes = (await whole.ScoreAsync(new[] { 1, 265, 280, 300, 290 }, 4)).Tokens[0].LogProb.LogProb;
            Assert.Equal(wholes - Math.Log(there), (await engine.ScoreAsync(new[] { 1, 265, 280, 300, 290 }, 4)).Tokens[0].LogProb.LogProb, 4);
        }
    }

    [SharedFact]
    public async Task Every_container_gives_the_same_answer()
    {
        List<(int[] Tokens, float[] LogProbs)> answers = [];
        foreach (string model in (string[])[CutModels.Folder, CutModels.Gguf, CutModels.Padded])
        {
            using Engine engine = models.Open(model);
            GenerateChoice choice = (await engine.CompleteAsync(s_prompt, s_free with { Seed = 3, LogProbs = 0 })).Choices[0];
            answers.Add(([.. choice.Tokens], [.. choice.LogProbs!.Select(one => one.LogProb)]));
        }
        Assert.All(answers, answer => Assert.Equal(answers[0].Tokens, answer.Tokens));
        Assert.Equal(answers[1].LogProbs, answers[2].LogProbs);
        // A folder's heads lie in another order, and so do its sums.
        for (int i = 0; i < answers[0].LogProbs.Length; i++) Assert.Equal(answers[0].LogProbs[i], answers[1].LogProbs[i], 1e-3f);
    }

    [SharedTheory]
    [InlineData(CutModels.Folder, Beyond, "450, which is beyond the tokenizer's 400 tokens, 0 to 399.")]
    [InlineData(CutModels.Gguf, Beyond, "450, which is beyond the tokenizer's 400 tokens, 0 to 399.")]
    [InlineData(CutModels.Padded, Beyond, "450, which is beyond the tokenizer's 400 tokens, 0 to 399.")]
    [InlineData(CutModels.Gap, CutModels.Missing, "262, an id that the tokenizer has no token for.")]
    [InlineData(CutModels.PaddedGap, CutModels.Missing, "262, an id that the tokenizer has no token for.")]
    public async Task An_id_without_a_token_is_refused_by_name_wherever_it_is_given(string model, int id, string says)
    {
        using Engine engine = models.Open(model);
        int[] tokens = [1, 265, id, 280];
        Func<Task>[] asks =
        [
            () => engine.CompleteAsync(tokens, s_free),
            async () => { await foreach (GenerateChunk _ in engine.GenerateAsync(tokens, s_free)) { } },
            () => engine.CompleteAsync(s_prompt, s_free with { LogitBias = new Dictionary<int, float> { [id] = 1 } }),
            () => engine.CompleteAsync(s_prompt, s_free with { StopTokens = [id] }),
            () => engine.ScoreAsync(tokens, 1),
            () => engine.EmbedAsync(tokens),
            () => engine.PinAsync(tokens),
        ];
        foreach (Func<Task> ask in asks) Assert.EndsWith(says, (await Assert.ThrowsAsync<InvalidRequestException>(ask)).Message, StringComparison.Ordinal);
    }

    [SharedFact]
    public void A_tokenizer_with_more_tokens_than_the_model_has_rows_is_refused_with_its_last_token()
    {
        using ModelSource source = ModelSource.Open(TestData.Shared("testdata/stories260K/hf"));
        source.Config = source.Config with { VocabularySize = 511 };
        Assert.Contains("has 512 tokens, the last of them '\u200a', and the model has rows for 511", Assert.Throws<ModelFormatException>(() => ModelTokenizer.Load(source)).Message, StringComparison.Ordinal);
    }

    [SharedFact]
    public async Task An_end_of_text_without_a_token_is_not_waited_for()
    {
        File.WriteAllText(Path.Combine(models.Path(CutModels.Folder), "generation_config.json"), """{"bos_token_id":1,"eos_token_id":[450,2]}""");
        using Engine engine = models.Open(CutModels.Folder);
        Assert.Equal([2], engine.Core.EndOfTextTokens);
        await engine.CompleteAsync(s_prompt, new GenerateOptions { MinTokens = 5, MaxTokens = 20, RepetitionPenalty = 1.1f });
    }

    private static async Task NeverShowAsync(Engine engine, Func<int, bool> lacks)
    {
        GenerateOptions[] ways =
        [
            s_free with { Temperature = 2, N = 8, Seed = 1, LogProbs = 20 },
            s_free with { Temperature = 0, LogProbs = 20 },
            s_free with { Temperature = 2, N = 2, BestOf = 8, Seed = 2 },
            s_free with { Temperature = 2, N = 8, Seed = 3, RepetitionPenalty = 1.5f, FrequencyPenalty = 0.5f, TopK = 500, MinP = 1e-4f, LogitBias = new Dictionary<int, float> { [300] = -100 } },
            s_free with { Temperature = 2, N = 8, Seed = 4, Constraint = OutputConstraint.Regex("[^x]{5,40}"), LogProbs = 20 },
        ];
        foreach (GenerateOptions way in ways)
        {
            foreach (GenerateChoice choice in (await engine.CompleteAsync(s_prompt, way)).Choices)
            {
                Assert.DoesNotContain(choice.Tokens, id => lacks(id));
                if (choice.LogProbs is null) continue;
                Assert.DoesNotContain(choice.LogProbs.SelectMany(one => one.Top), one => lacks(one.Token));
                Assert.All(choice.LogProbs, one => Assert.InRange(one.Top.Sum(top => Math.Exp(top.LogProb)), 0, 1.0001));
            }
        }
        foreach (ScoredToken scored in (await engine.ScoreAsync(s_prompt, 1, new ScoreOptions { TopLogProbs = 20 })).Tokens)
            Assert.DoesNotContain(scored.LogProb.Top, one => lacks(one.Token));
    }
}
