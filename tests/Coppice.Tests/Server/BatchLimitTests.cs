using Coppice.Server;
using Coppice.Server.Access;
using Coppice.Server.Wire;

namespace Coppice.Tests.Server;

public sealed class BatchLimitTests
{
    private readonly Admission _admission = new(new ServerLimits(), maxBatch: 8);

    [Fact]
    public async Task Lines_wait_for_room_and_leave_some_to_requests_that_are_waited_for()
    {
        Caller caller = new("ann", 1, 4, null, null, TimeProvider.System);
        IDisposable[] lines = [await LineAsync(caller), await LineAsync(caller), await LineAsync(caller)];
        Task<IDisposable> fourth = LineAsync(caller);
        Assert.False(fourth.IsCompleted);
        IDisposable request = _admission.Enter(caller, 1);
        lines[0].Dispose();
        await Task.Yield();
        Assert.False(fourth.IsCompleted);       // two lines and a request run: a fourth place is kept
        request.Dispose();
        (await fourth).Dispose();
        lines[1].Dispose();
        lines[2].Dispose();
        lines[2].Dispose();
        Assert.Equal(0, caller.Samples);
        Assert.True(_admission.CloseAsync().IsCompleted);
    }

    [Fact]
    public async Task A_line_that_asks_for_more_than_its_key_may_ever_have_is_refused()
    {
        Caller caller = new("ann", 1, 4, null, null, TimeProvider.System);
        (await _admission.EnterLineAsync(caller, 4, 0, TimeProvider.System, default)).Dispose();       // alone it may have all
        Assert.Equal("too_many_answers", (await Assert.ThrowsAsync<ApiException>(() => _admission.EnterLineAsync(caller, 5, 0, TimeProvider.System, default))).Code);
    }

    [Fact]
    public async Task Lines_count_against_the_rate_and_leave_a_quarter_of_it()
    {
        Caller caller = new("ann", 1, null, 8, null, TimeProvider.System);
        for (int i = 0; i < 6; i++) (await LineAsync(caller)).Dispose();
        using CancellationTokenSource cancel = new();
        Task<IDisposable> seventh = _admission.EnterLineAsync(caller, 1, 0, TimeProvider.System, cancel.Token);
        Assert.False(seventh.IsCompleted);
        _admission.Enter(caller, 1).Dispose();      // a request may use what is left
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => seventh);
    }

    private Task<IDisposable> LineAsync(Caller caller) => _admission.EnterLineAsync(caller, 1, 0, TimeProvider.System, default);
}
