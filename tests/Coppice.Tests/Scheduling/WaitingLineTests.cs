using Coppice.Scheduling;
using Coppice.Tests.Golden;

namespace Coppice.Tests.Scheduling;

public sealed class WaitingLineTests
{
    private static readonly GenerateOptions Short = new() { MaxTokens = 4, Temperature = 0, IgnoreEndOfText = true };

    [Fact]
    public void A_flood_of_one_owner_does_not_hold_up_another()
    {
        List<string> order = Order(Requests("a", 30), Requests("b", 3));
        Assert.InRange(order.IndexOf("b"), 0, 2);
        Assert.InRange(order.LastIndexOf("b"), 0, 7);
    }

    [Fact]
    public void An_owner_that_comes_later_does_not_catch_up_on_turns_it_did_not_ask_for()
    {
        using TestEngine engine = Engine(1);
        List<Request> all = [.. Submit(engine, Requests("a", 20))];
        while (all.Count(request => request.IsFinished) < 10) engine.Core.Step();
        all.AddRange(Submit(engine, Requests("b", 10)));
        List<string> order = Ended(engine, all)[10..];
        // From here on they alternate.
        Assert.InRange(order[..10].Count(owner => owner == "b"), 4, 6);
    }

    [Fact]
    public void An_owner_of_weight_three_begins_three_times_as_often()
    {
        List<string> order = Order(Requests("a", 20), Requests("b", 20, weight: 3));
        Assert.InRange(order[..16].Count(owner => owner == "b"), 11, 13);
    }

    [Fact]
    public void Lower_numbers_of_priority_go_first_whoever_owns_them()
    {
        List<string> order = Order(Requests("late", 3, priority: 5), Requests("soon", 3));
        Assert.Equal(["soon", "soon", "soon", "late", "late", "late"], order);
    }

    [Fact]
    public void One_owners_requests_keep_their_order_also_when_they_pause()
    {
        using TestEngine engine = Engine(3);
        Random random = new(4);
        List<Request> all = [.. Submit(engine, Requests("a", 12))], ended = [];
        while (engine.Core.HasWork)
        {
            if (random.Next(3) == 0) engine.Core.PauseYoungest();
            engine.Core.Step();
            engine.Core.CheckInvariants();
            ended.AddRange(all.Where(request => request.IsFinished && !ended.Contains(request)));
        }

        Assert.Equal(all, ended);
    }

    [Fact]
    public void Places_in_the_batch_are_left_for_other_owners()
    {
        using TestEngine engine = Engine(4, perOwner: 3);
        GenerateOptions endless = Short with { MaxTokens = 200, Owner = "a" };
        Submit(engine, [.. Enumerable.Repeat(endless with { N = 8 }, 2)]);
        for (int i = 0; i < 5; i++) engine.Core.Step();
        Assert.Equal(3, engine.Core.Metrics.RunningSamples);
        Request b = engine.Submit("The", Short with { Owner = "b" });
        for (int i = 0; i < Short.MaxTokens; i++) engine.Core.Step();
        Assert.True(b.IsFinished);
        engine.Core.CheckInvariants();
    }

    private static TestEngine Engine(int maxBatch, int? perOwner = null) => new(TestData.SampleModel, new EngineOptions { MaxBatch = maxBatch, MaxBatchPerOwner = perOwner, Threads = 1 });

    private static GenerateOptions[] Requests(string owner, int count, float weight = 1, int priority = 0) =>
        [.. Enumerable.Repeat(Short with { Owner = owner, OwnerWeight = weight, Priority = priority }, count)];

    private static IEnumerable<Request> Submit(TestEngine engine, params GenerateOptions[] requests) =>
        [.. requests.Select((options, i) => engine.Submit($"{options.Owner} asks question {i}", options))];

    /// <summary>The owners in the order in which their requests end, one at a time.</summary>
    private static List<string> Order(params GenerateOptions[][] requests)
    {
        using TestEngine engine = Engine(1);
        return Ended(engine, [.. requests.SelectMany(some => Submit(engine, some))]);
    }

    private static List<string> Ended(TestEngine engine, IReadOnlyList<Request> all)
    {
        List<Request> ended = [.. all.Where(request => request.IsFinished)];
        while (engine.Core.HasWork)
        {
            engine.Core.Step();
            ended.AddRange(all.Where(request => request.IsFinished && !ended.Contains(request)));
        }

        return [.. ended.Select(request => request.Options.Owner!)];
    }
}
