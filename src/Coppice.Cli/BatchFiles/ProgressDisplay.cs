using Spectre.Console;

namespace Coppice.Cli.BatchFiles;

/// <summary>Says on stderr how a run goes on: a bar on a terminal, otherwise a line every ten seconds.</summary>
internal sealed class ProgressDisplay(Streams streams, RunTally tally, Func<EngineMetrics> metrics, TimeProvider time)
{
    private static readonly TimeSpan s_everyLine = TimeSpan.FromSeconds(10), s_everyFrame = TimeSpan.FromMilliseconds(250);

    private readonly long _start = time.GetTimestamp();
    private readonly int _doneAtStart = tally.Done;

    /// <summary>Runs until <paramref name="work"/> ends, and ends as it does.</summary>
    public async Task ShowAsync(Task work)
    {
        try
        {
            if (streams.ErrorIsTerminal) await ShowBarAsync(work);
            else await ShowLinesAsync(work);
        }
        finally
        {
            await work;   // a display that fails does not take the work with it
        }
    }

    private async Task ShowLinesAsync(Task work)
    {
        while (await Task.WhenAny(work, Task.Delay(s_everyLine, time)) != work)
            await streams.Error.WriteLineAsync($"{RunSummary.Count(tally.Done)} of {RunSummary.Count(tally.Total)} requests, {State()}");
    }

    private async Task ShowBarAsync(Task work)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(streams.Error) });
        await console.Progress()
            .AutoClear(true)
            .Columns(new SpinnerColumn(), new ProgressBarColumn { Width = 32 }, new TaskDescriptionColumn { Alignment = Justify.Left })
            .StartAsync(async context =>
            {
                ProgressTask bar = context.AddTask(State(), maxValue: Math.Max(1, tally.Total));
                do
                {
                    bar.Value = tally.Done;
                    bar.Description = $"{RunSummary.Count(tally.Done)} of {RunSummary.Count(tally.Total)}, {State()}";
                }
                while (await Task.WhenAny(work, Task.Delay(s_everyFrame, time)) != work);
            });
    }

    private string State()
    {
        TimeSpan elapsed = time.GetElapsedTime(_start);
        int done = tally.Done - _doneAtStart, left = tally.Total - tally.Done;
        EngineMetrics engine = metrics();
        string rate = $"{RunSummary.Rate(engine.GeneratedTokens + engine.ScoredTokens, elapsed.TotalSeconds)} tokens/s";
        return done == 0 ? rate : $"{rate}, {RunSummary.Duration(elapsed / done * left)} left";
    }
}
