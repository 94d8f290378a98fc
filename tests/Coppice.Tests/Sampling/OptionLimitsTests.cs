using Coppice.Tokens;

namespace Coppice.Tests.Sampling;

public class OptionLimitsTests
{
    private static readonly TokenIds V = new(100, 50, 60);

    public static TheoryData<string, GenerateOptions> Bad => new()
    {
        { "N is 0; it must be 1 to 1024.", new() { N = 0 } },
        { "N is 1025;", new() { N = 1025 } },
        { "MaxTokens is -1; it must be 0 or more.", new() { MaxTokens = -1 } },
        { "MaxTokens is -1;", new() { MaxTokens = -1 } },
        { "MinTokens is -1; it must be 0 or more.", new() { MinTokens = -1 } },
        { "MinTokens is 6; it must not exceed MaxTokens, which is 5.", new() { MinTokens = 6, MaxTokens = 5 } },
        { "Temperature is -0.1; it must be 0 to 2.", new() { Temperature = -0.1f } },
        { "Temperature is 2.1;", new() { Temperature = 2.1f } },
        { "Temperature is NaN;", new() { Temperature = float.NaN } },
        { "Temperature is Infinity;", new() { Temperature = float.PositiveInfinity } },
        { "TopK is -1; it must be 0 or more.", new() { TopK = -1 } },
        { "TopP is 0; it must be above 0 and at most 1.", new() { TopP = 0 } },
        { "TopP is 1.5;", new() { TopP = 1.5f } },
        { "TopP is NaN;", new() { TopP = float.NaN } },
        { "MinP is -0.5; it must be 0 to 1.", new() { MinP = -0.5f } },
        { "MinP is 1.01;", new() { MinP = 1.01f } },
        { "MinP is NaN;", new() { MinP = float.NaN } },
        { "RepetitionPenalty is 0; it must be above 0 and at most 10.", new() { RepetitionPenalty = 0 } },
        { "RepetitionPenalty is 10.5;", new() { RepetitionPenalty = 10.5f } },
        { "RepetitionPenalty is NaN;", new() { RepetitionPenalty = float.NaN } },
        { "PresencePenalty is 2.5; it must be -2 to 2.", new() { PresencePenalty = 2.5f } },
        { "PresencePenalty is NaN;", new() { PresencePenalty = float.NaN } },
        { "FrequencyPenalty is -3; it must be -2 to 2.", new() { FrequencyPenalty = -3 } },
        { "FrequencyPenalty is NaN;", new() { FrequencyPenalty = float.NaN } },
        { "A token of LogitBias is 100, which is beyond the tokenizer's 100 tokens, 0 to 99.", new() { LogitBias = new Dictionary<int, float> { [100] = 1 } } },
        { "A token of LogitBias is -1, which is below 0.", new() { LogitBias = new Dictionary<int, float> { [-1] = 1 } } },
        { "A token of LogitBias is 50, an id that the tokenizer has no token for.", new() { LogitBias = new Dictionary<int, float> { [50] = 1 } } },
        { "A token of StopTokens is 60, an id", new() { StopTokens = [60] } },
        { "LogitBias[7] is 101; it must be -100 to 100.", new() { LogitBias = new Dictionary<int, float> { [7] = 101 } } },
        { "LogitBias[7] is -Infinity;", new() { LogitBias = new Dictionary<int, float> { [7] = float.NegativeInfinity } } },
        { "LogitBias[7] is NaN;", new() { LogitBias = new Dictionary<int, float> { [7] = float.NaN } } },
        { "Stop has 17 texts; it may have at most 16.", new() { Stop = [.. Enumerable.Repeat("x", 17)] } },
        { "Stop[1] has 0 characters; it must have 1 to 1000.", new() { Stop = ["x", ""] } },
        { "Stop[0] has 1001 characters;", new() { Stop = [new string('x', 1001)] } },
        { "Stop[0] has 0 characters;", new() { Stop = [null!] } },
        { "Stop is null;", new() { Stop = null! } },
        { "StopTokens is null;", new() { StopTokens = null! } },
        { "A token of StopTokens is 100,", new() { StopTokens = [1, 100] } },
        { "A token of StopTokens is -5,", new() { StopTokens = [-5] } },
        { "LogProbs is 21; it must be 0 to 20.", new() { LogProbs = 21 } },
        { "LogProbs is -1;", new() { LogProbs = -1 } },
    };

    [Theory, MemberData(nameof(Bad))]
    public void A_field_out_of_range_is_named_with_its_value_and_limit(string message, GenerateOptions options) =>
        Assert.StartsWith(message, Assert.Throws<InvalidRequestException>(() => options.Validate(V)).Message);

    public static TheoryData<GenerateOptions> Good =>
    [
        new(),
        new() { N = 1024, MaxTokens = 5, MinTokens = 5, Temperature = 2, TopK = int.MaxValue, TopP = 1, MinP = 1, RepetitionPenalty = 10, PresencePenalty = 2, FrequencyPenalty = 2, LogProbs = 20 },
        new() { MaxTokens = 1, Temperature = 0, TopK = 0, TopP = float.Epsilon, MinP = 0, RepetitionPenalty = float.Epsilon, PresencePenalty = -2, FrequencyPenalty = -2, LogProbs = 0 },
        new() { LogitBias = new Dictionary<int, float> { [0] = -100, [99] = 100 }, StopTokens = [0, 99], Stop = [.. Enumerable.Repeat(new string('x', 1000), 16)], MinTokens = 1000 },
    ];

    [Theory, MemberData(nameof(Good))]
    public void Fields_at_their_limits_are_accepted(GenerateOptions options) => options.Validate(V);

    [Fact]
    public void Alternatives_are_limited_to_a_small_vocabulary() =>
        Assert.StartsWith("LogProbs is 4; it must be 0 to 3.", Assert.Throws<InvalidRequestException>(() => new GenerateOptions { LogProbs = 4 }.Validate(new TokenIds(4, 1))).Message);
}
