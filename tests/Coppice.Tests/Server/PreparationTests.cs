using System.Net;
using System.Text.Json;
using Coppice.Server;
using Coppice.Server.Access;
using Coppice.Server.Serving;
using Coppice.Server.Wire;

namespace Coppice.Tests.Server;

/// <summary>What happens to a request between its being let in and its first step.</summary>
public sealed class PreparationTests : IDisposable
{
    private static readonly ConstraintSource s_digits = new(ConstraintKind.Grammar, "root ::= [0-9]+", "grammar");

    private readonly PreparationQueue _queue = new();
    private readonly ManualResetEventSlim _open = new();
    private readonly Caller _ann = new("ann", 1, null, null, null, TimeProvider.System), _ben = new("ben", 1, null, null, null, TimeProvider.System);

    public void Dispose()
    {
        _open.Set();
        _queue.Dispose();
        _open.Dispose();
    }

    [Fact]
    public async Task Requests_for_one_text_share_its_building_and_one_that_leaves_does_not_end_it()
    {
        ConstraintStore store = new(_queue, TimeProvider.System);
        Hold();
        using CancellationTokenSource leave = new();
        Task<OutputConstraint> leaving = store.GetAsync(s_digits, _ann, Urgency.Awaited, leave.Token), staying = store.GetAsync(s_digits, _ben, Urgency.Awaited, default);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        _open.Set();
        Assert.Same(await staying, await store.GetAsync(s_digits, _ann, Urgency.Awaited, default));
        Assert.Equal(1, store.Begun);
    }

    [Fact]
    public async Task A_building_that_everybody_has_left_is_taken_out_of_the_line()
    {
        ConstraintStore store = new(_queue, TimeProvider.System);
        Hold();
        for (int i = 0; i < 3 * PreparationQueue.MostWaiting; i++)
        {
            // More than may wait: so each that was left made room for the next.
            using CancellationTokenSource leave = new();
            Task<OutputConstraint> leaving = store.GetAsync(s_digits, _ann, Urgency.Awaited, leave.Token);
            await leave.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        }

        _open.Set();
        Assert.NotNull(await store.GetAsync(s_digits, _ann, Urgency.Awaited, default));
        Assert.Equal(3 * PreparationQueue.MostWaiting + 1, store.Begun);
    }

    [Fact]
    public async Task Work_that_runs_hears_that_its_client_has_left()
    {
        using CancellationTokenSource leave = new();
        TaskCompletionSource begun = new();
        Task<int> work = _queue.RunAsync(_ann, Urgency.Awaited, left =>
        {
            begun.SetResult();
            left.WaitHandle.WaitOne();
            left.ThrowIfCancellationRequested();
            return 1;
        }, leave.Token);
        await begun.Task;
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => work);
    }

    [Fact]
    public async Task A_refusal_is_kept_for_a_while_and_names_the_field()
    {
        TestClock clock = new();
        ConstraintStore store = new(_queue, clock);
        ConstraintSource broken = new(ConstraintKind.JsonSchema, """{"type":"king"}""", "response_format.json_schema.schema");
        async Task Refused() => Assert.Equal(broken.Field, (await Assert.ThrowsAsync<ApiException>(() => store.GetAsync(broken, _ann, Urgency.Awaited, default))).Param);
        await Refused();
        await Refused();
        Assert.Equal(1, store.Begun);
        clock.Advance(TimeSpan.FromSeconds(11));
        await Refused();
        Assert.Equal(2, store.Begun);
    }

    [Fact]
    public async Task Callers_take_turns_and_lines_of_batches_come_last_and_nobody_fills_the_line()
    {
        Hold();
        List<string> order = [];
        List<Task<int>> work = [];
        void Add(Caller caller, Urgency urgency, string name) => work.Add(_queue.RunAsync(caller, urgency, _ =>
        {
            lock (order) order.Add(name);
            return 0;
        }, default));
        for (int i = 0; i < 2 * PreparationQueue.MostWaiting; i++) Add(_ann, Urgency.Batch, "line");
        for (int i = 0; i < PreparationQueue.MostWaiting; i++) Add(_ann, Urgency.Awaited, "ann");
        Add(_ben, Urgency.Awaited, "ben");
        ApiException refused = await Assert.ThrowsAsync<ApiException>(() => _queue.RunAsync(_ann, Urgency.Awaited, _ => 0, default));
        Assert.Equal((429, "preparation_queue_full"), (refused.Status, refused.Code));
        _open.Set();
        await Task.WhenAll(work);
        // Two threads write the list: places may differ by one or two.
        Assert.InRange(order.IndexOf("ben"), 0, 4);
        Assert.InRange(order.IndexOf("line"), PreparationQueue.MostWaiting - 2, order.Count);
    }

    [Fact]
    public async Task A_key_without_a_place_is_refused_before_anything_is_built()
    {
        ApiKey ann = new("ann", "secret-of-ann") { Samples = 1 };
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { Keys = [ann] });
        const string Broken = """{"prompt":"a","grammar":"root ::= ("}""";
        Assert.Equal(400, (await server.AskAsync("/v1/completions", Broken, ann.Secret)).Status);
        using (HttpResponseMessage running = await server.PostAsync("/v1/completions", """{"prompt":"a","max_tokens":4000,"ignore_eos":true,"stream":true}""", ann.Secret))
        {
            Assert.Equal(HttpStatusCode.OK, running.StatusCode);
            (int status, JsonElement answer) = await server.AskAsync("/v1/completions", Broken.Replace("(", "[", StringComparison.Ordinal), ann.Secret);
            Assert.Equal((429, "concurrency_limit_exceeded"), (status, answer.GetProperty("error").GetProperty("code").GetString()));
        }

        await server.ExpectRestAsync();
    }

    [Fact]
    public async Task What_is_left_out_of_a_schema_is_refused_where_it_is_strict_and_said_where_it_is_not()
    {
        await using RunningServer server = await RunningServer.StartAsync(engineOptions: new EngineOptions { KvBytes = 16 << 20, Threads = 1 });
        // No automaton tells whether all items of a list differ.
        static string Body(string strict) => "{\"prompt\":\"a\",\"max_tokens\":8,\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\"" + strict + ",\"schema\":{\"type\":\"array\",\"uniqueItems\":true,\"items\":{\"type\":\"string\"}}}}";
        (int status, JsonElement answer) = await server.AskAsync("/v1/completions", Body(",\"strict\":true") + "}");
        Assert.Equal((400, "response_format.json_schema.schema"), (status, answer.GetProperty("error").GetProperty("param").GetString()));
        (status, answer) = await server.AskAsync("/v1/completions", Body("") + "}");
        Assert.Equal(200, status);
        Assert.Contains("uniqueItems", Assert.Single(answer.GetProperty("warnings").EnumerateArray()).GetString(), StringComparison.Ordinal);
        using HttpResponseMessage stream = await server.PostAsync("/v1/completions", Body(",\"strict\":false") + ",\"stream\":true}");
        string header = Assert.Single(stream.Headers.GetValues("x-coppice-warnings"));
        Assert.Equal(answer.GetProperty("warnings")[0].GetString(), JsonDocument.Parse(header).RootElement[0].GetString());
    }

    /// <summary>Keeps the threads busy until the test opens.</summary>
    private void Hold()
    {
        using CountdownEvent begun = new(2);
        for (int i = 0; i < 2; i++)
        {
            _ = _queue.RunAsync(_ben, Urgency.Awaited, _ =>
            {
                begun.Signal();
                _open.Wait();
                return 0;
            }, default);
        }

        begun.Wait();
    }

    private sealed class TestClock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Advance(TimeSpan time) => _now += time.Ticks;
    }
}
