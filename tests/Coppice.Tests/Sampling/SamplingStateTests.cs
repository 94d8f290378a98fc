using Coppice.Sampling;

namespace Coppice.Tests.Sampling;

public class SamplingStateTests
{
    [Fact]
    public void Samples_of_a_prompt_share_its_seed_and_count_their_own_answers()
    {
        SamplingState first = new(new() { N = 2, PresencePenalty = 1, RepetitionPenalty = 2 }, [64, 3], [0], 100, 4);
        SamplingState second = first.ForSample(1);
        first.Append(5);
        second.Append(6);
        second.Append(7);

        Assert.Equal(first.Seed, second.Seed);
        Assert.Equal(1, second.Sample);
        Assert.Equal([5], first.Answer.ToArray());
        Assert.Equal([6, 7], second.Answer.ToArray());
        Assert.Equal([3, 64], Enumerable.Range(0, 100).Where(second.IsInPrompt));
    }

    [Fact]
    public void A_later_branch_goes_on_from_the_answer_so_far()
    {
        SamplingState first = new(new() { FrequencyPenalty = 1 }, [], [], 10, 4);
        first.Append(5);
        SamplingState branch = first.ForSample(3);
        Assert.Equal(1, branch.Generated);
        Assert.Equal([5], branch.Answer.ToArray());
    }

    [Fact]
    public void The_end_of_text_ends_a_sample_unless_it_is_ignored_and_stop_tokens_always_do()
    {
        SamplingState heeding = new(new() { StopTokens = [4] }, [], [1, 2], 10, 4);
        SamplingState ignoring = new(new() { StopTokens = [4], IgnoreEndOfText = true }, [], [1, 2], 10, 4);
        Assert.Equal([1, 2, 4], Enumerable.Range(0, 10).Where(heeding.IsEnd));
        Assert.Equal([4], Enumerable.Range(0, 10).Where(ignoring.IsEnd));
    }

    [Fact]
    public void Penalty_free_requests_keep_no_tokens()
    {
        SamplingState state = new(new(), [1, 2], [0], 10, 1_000_000_000);
        state.Append(3);
        Assert.Equal(1, state.Generated);
        Assert.True(state.Answer.IsEmpty);
        Assert.True(state.PromptTokens.IsEmpty);
    }

    [Fact]
    public void A_sample_cannot_outgrow_what_it_was_admitted_for()
    {
        SamplingState state = new(new() { PresencePenalty = 1 }, [], [], 10, 1);
        state.Append(1);
        Assert.Throws<InvalidOperationException>(() => state.Append(1));
    }

    [Fact]
    public void Tokens_outside_the_vocabulary_are_refused_at_admission()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new SamplingState(new(), [10], [], 10, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SamplingState(new(), [], [-1], 10, 1));
    }
}
