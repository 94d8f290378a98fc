using Coppice.Cli.Bench.Measuring;

namespace Coppice.Tests.Bench;

public sealed class MeasuringTests
{
    [Fact]
    public void A_spread_has_the_quartiles_of_its_samples_in_any_order()
    {
        var expected = new Spread(5, 1, 2, 3, 4, 100);
        Assert.Equal(expected, Spread.Of([3, 100, 1, 4, 2]));
        Assert.Equal(expected, Spread.Of([1, 2, 3, 4, 100]));
    }

    [Fact]
    public void Quartiles_between_two_samples_lie_between_them() => Assert.Equal(new Spread(2, 10, 12.5, 15, 17.5, 20), Spread.Of([20, 10]));

    [Fact]
    public void One_sample_is_its_own_spread() => Assert.Equal(new Spread(1, 7, 7, 7, 7, 7), Spread.Of([7]));

    [Fact]
    public void No_samples_have_no_spread() => Assert.Throws<ArgumentException>(() => Spread.Of([]));

    [Fact]
    public void A_ratio_compares_times_of_the_same_repetition()
    {
        // The machine is ten times slower in the second repetition; b always takes twice as long as a.
        var times = new RaceTimes(["a", "b"]);
        times.Add([1, 2]);
        times.Add([10, 20]);
        times.Add([3, 6]);
        Assert.Equal(2, times.Ratio("b", "a"));
        Assert.Equal(3, times.Median("a"));
        Assert.Equal(3, times.Repetitions);
    }

    [Fact]
    public void A_repetition_has_a_time_for_every_contender() => Assert.Throws<ArgumentException>(() => new RaceTimes(["a", "b"]).Add([1]));

    [Fact]
    public void A_race_runs_everybody_in_every_repetition()
    {
        int a = 0, b = 0;
        var budget = new RaceBudget(repeat: 4, TimeSpan.FromSeconds(30), races: 1);
        RaceTimes times = Race.Run([new Contender("a", () => Count(ref a)), new Contender("b", () => Count(ref b))], budget, CancellationToken.None);
        Assert.Equal(4, times.Repetitions);
        Assert.True(a >= 5 && b >= 5, $"{a} and {b} runs.");
        Assert.InRange(times.Median("a"), 0.001, 1);
    }

    [Fact]
    public void A_budget_that_is_used_up_still_allows_a_median()
    {
        int runs = 0;
        var budget = new RaceBudget(repeat: 1_000, TimeSpan.Zero, races: 5);
        Assert.Equal(RaceBudget.LeastRepeat, Race.Run([new Contender("a", () => Count(ref runs))], budget, CancellationToken.None).Repetitions);
    }

    [Fact]
    public void Time_that_a_race_leaves_goes_to_those_behind_it()
    {
        var budget = new RaceBudget(repeat: 1, TimeSpan.FromSeconds(100), races: 4);
        Assert.InRange(budget.NextShare().TotalSeconds, 24, 25);
        Assert.InRange(budget.NextShare().TotalSeconds, 33, 34);
    }

    [Fact]
    public void A_cancelled_race_ends()
    {
        using CancellationTokenSource stop = new();
        Assert.Throws<OperationCanceledException>(() => Race.Run([new Contender("a", stop.Cancel)], new RaceBudget(10, TimeSpan.FromSeconds(10), 1), stop.Token));
    }

    private static void Count(ref int runs)
    {
        runs++;
        Thread.Sleep(2);
    }
}
