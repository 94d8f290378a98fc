using System.Text.Json;
using Coppice.Scheduling;
using Coppice.Tests.Golden;

namespace Coppice.Tests.Constraints;

public sealed class ConstrainedEngineTests
{
    private const string Schema = """{"type":"object","properties":{"name":{"type":"string","maxLength":8},"age":{"type":"integer","minimum":0,"maximum":120},"tags":{"type":"array","items":{"enum":["red","blue"]},"maxItems":3}},"required":["name","age","tags"],"additionalProperties":false}""";
    private static readonly EngineOptions s_options = new() { Threads = 2 };

    [Theory]
    [InlineData(0f)]
    [InlineData(1f)]
    [InlineData(2f)]
    public void Every_answer_of_the_sample_model_fits_its_schema(float temperature)
    {
        using TestEngine engine = new(TestData.SampleModel, s_options);
        GenerateOptions options = new() { N = 6, MaxTokens = 300, Temperature = temperature, Seed = 5, Constraint = OutputConstraint.JsonSchema(Schema) };
        Request request = engine.Submit("Ada is", options);
        engine.Run();
        for (int i = 0; i < options.N; i++)
        {
            using JsonDocument answer = JsonDocument.Parse(engine.Tokenizer.Decode(TestEngine.Answer(request, i)));
            Assert.True(SchemaOracle.Accepts(Schema, answer.RootElement));
            Assert.Equal(FinishReason.Stop, request.Sequences[i].Progress.Finish);
        }
    }

    [Fact]
    public void Answers_are_the_same_whatever_runs_beside_them_and_however_often_they_pause()
    {
        GenerateOptions json = new() { MaxTokens = 60, Temperature = 1.5f, Seed = 3, Constraint = OutputConstraint.JsonObject() };
        GenerateOptions regex = new() { MaxTokens = 60, Temperature = 1, Seed = 4, N = 2, Constraint = OutputConstraint.Regex("[a-z ]{5,30}[.!]") };
        using TestEngine alone = new(TestData.SampleModel, s_options);
        int[] prompt = alone.Tokenizer.Encode("The dog");
        int[] jsonAlone = alone.Complete(prompt, json), regexAlone = alone.Complete(prompt, regex);

        using TestEngine together = new(TestData.SampleModel, s_options);
        Request[] others = [together.Submit("Once", new() { MaxTokens = 50, Seed = 1 }), together.Submit("Twice", json with { Seed = 8, N = 3 })];
        Request first = together.Submit(prompt, json), second = together.Submit(prompt, regex);
        for (int step = 0; together.Core.HasWork; step++)
        {
            if (step % 7 == 6) together.Core.PauseYoungest();
            together.Core.Step();
        }
        Assert.Equal(jsonAlone, TestEngine.Answer(first));
        Assert.Equal(regexAlone, TestEngine.Answer(second));
        Assert.All(others, request => Assert.Null(request.Error));
    }

    [Fact]
    public void An_answer_cut_off_by_the_token_limit_says_so()
    {
        using TestEngine engine = new(TestData.SampleModel, s_options);
        Request request = engine.Submit("Ada", new GenerateOptions { MaxTokens = 3, Temperature = 0, Constraint = OutputConstraint.JsonSchema(Schema) });
        engine.Run();
        Assert.Equal(FinishReason.Length, request.Sequences[0].Progress.Finish);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_whole_answer_ends_whatever_min_tokens_and_ignored_ends_say(bool ignoresEnd)
    {
        using TestEngine engine = new(TestData.SampleModel, s_options);
        GenerateOptions options = new() { MaxTokens = 50, MinTokens = 40, IgnoreEndOfText = ignoresEnd, Seed = 1, Constraint = OutputConstraint.Regex("yes|no") };
        string answer = engine.Tokenizer.Decode(engine.Complete(engine.Tokenizer.Encode("Is it?"), options));
        Assert.Contains(answer, (string[])["yes", "no"]);
    }

    [Fact]
    public void Min_tokens_holds_where_the_answer_may_go_on()
    {
        using TestEngine engine = new(TestData.SampleModel, s_options);
        GenerateOptions options = new() { MaxTokens = 50, MinTokens = 20, Temperature = 0, Constraint = OutputConstraint.Regex("[a-z ]*") };
        Assert.InRange(engine.Complete(engine.Tokenizer.Encode("Is it?"), options).Length, 20, 50);
    }

    [Fact]
    public void A_stop_token_ends_an_answer_only_where_it_is_whole()
    {
        using TestEngine engine = new(TestData.SampleModel, s_options);
        Assert.True(engine.Tokenizer.TryFind("a", out int stop));
        GenerateOptions options = new() { MaxTokens = 50, Temperature = 0, StopTokens = [stop], LogitBias = new Dictionary<int, float> { [stop] = 100 }, Constraint = OutputConstraint.Regex("[a-z]{2}[a-z]*") };
        int[] tokens = engine.Complete(engine.Tokenizer.Encode("Is it?"), options);
        Assert.Equal(stop, tokens[^1]);
        Assert.True(engine.Tokenizer.Decode(tokens.AsSpan(0, tokens.Length - 1)).Length >= 2);
    }

    [Fact]
    public void A_dead_end_fails_its_own_request_with_a_reason()
    {
        using TestEngine engine = new(TestData.SampleModel, s_options);
        Request empty = engine.Submit("Ada", new GenerateOptions { MaxTokens = 5, IgnoreEndOfText = true, Constraint = OutputConstraint.Regex("") });
        Request ambiguous = engine.Submit("Ada", new GenerateOptions { MaxTokens = 5, Constraint = OutputConstraint.Regex("(a?b?){5000}") });
        Request fine = engine.Submit("Ada", new GenerateOptions { MaxTokens = 5, Seed = 1 });
        engine.Run();
        Assert.Contains("fits Constraint", Assert.IsType<InvalidRequestException>(empty.Error).Message);
        Assert.Contains("too ambiguous", Assert.IsType<InvalidRequestException>(ambiguous.Error).Message);
        Assert.Null(fine.Error);
    }

    [Fact]
    public void Requests_that_ask_for_the_same_share_what_is_known_and_old_constraints_are_let_go()
    {
        Coppice.Constraints.ConstraintCache cache = new(Walk.Bytes);
        Coppice.Constraints.TokenAutomaton first = cache.Get(OutputConstraint.JsonSchema(Schema));
        Assert.Same(first, cache.Get(OutputConstraint.JsonSchema(Schema)));
        for (int i = 0; i < Coppice.Constraints.ConstraintLimits.Cached; i++) cache.Get(OutputConstraint.Regex($"a{{{i}}}"));
        Assert.NotSame(first, cache.Get(OutputConstraint.JsonSchema(Schema)));
    }
}

[Collection(Alone.Name)]
public sealed class ConstrainedAllocationTests
{
    [Fact]
    public void A_constrained_step_over_known_states_allocates_nothing()
    {
        using TestEngine engine = new(TestData.SampleModel, new EngineOptions { Threads = 2 });
        Request request = engine.Submit("Ada", new GenerateOptions { N = 3, MaxTokens = 400, Seed = 1, IgnoreEndOfText = true, Constraint = OutputConstraint.Regex("[a-zA-Z ,.\n]*") });
        for (int step = 0; step < 120; step++) engine.Core.Step();
        long least = long.MaxValue;
        for (int window = 0; window < 16 && least > 0; window++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int step = 0; step < Coppice.KvCache.KvLayout.PageTokens; step++) engine.Core.Step();
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        Assert.False(request.IsFinished);
        Assert.Equal(0, least);
    }
}
