using System.Buffers;
using System.Text.Json;
using Coppice.Server.Access;
using Coppice.Server.Batches;
using Coppice.Server.Prefixes;
using Coppice.Server.Telemetry;
using Coppice.Server.Wire;
using Microsoft.AspNetCore.Http;

namespace Coppice.Server.Serving;

/// <summary>Answers requests for completions, whole or as a stream.</summary>
internal sealed class GenerationEndpoint(ServedModel model, ServerLimits limits, Callers callers, Admission admission, PrefixStore prefixes, ServerMeter meter, TimeProvider time, CancellationToken stopping)
{
    public const string ChatPath = "/v1/chat/completions";

    private readonly BodyFields<GenerationBody> _completions = GenerationFields.Completions(limits), _chat = GenerationFields.Chat(limits);
    private readonly TextFormat _textFormat = new();
    private readonly ChatFormat _chatFormat = new();

    public BodyFields<GenerationBody> CompletionFields => _completions;

    public BodyFields<GenerationBody> ChatFields => _chat;

    public Task CompletionsAsync(HttpContext context) => RunAsync(context, _textFormat, ReadCompletion);

    public Task ChatAsync(HttpContext context) => RunAsync(context, _chatFormat, ReadChat);

    /// <summary>Reads a request that came in a file.</summary>
    public LineWork ReadLine(string endpoint, Field root, Caller caller)
    {
        (IAnswerFormat format, Generation read) = endpoint == ChatPath ? (_chatFormat, ReadChat(root, caller)) : ((IAnswerFormat)_textFormat, ReadCompletion(root, caller));
        if (read.Stream) throw ApiException.Invalid("stream", "stream is true; a batch writes each answer whole. Leave it out.", "unsupported_parameter");
        Generation behind = read with { Options = read.Options with { Priority = Math.Max(read.Options.Priority, LineWork.Priority) } };
        return new LineWork(behind.Samples, async (output, cancellation) => AnswerJson.WriteWhole(output, format, model, AnswerId.New(format, time), await ResultsAsync(behind, cancellation)));
    }

    private Generation ReadCompletion(Field root, Caller caller) => Read(_completions, root, caller, Generation.OfCompletion);

    private Generation ReadChat(Field root, Caller caller) => Read(_chat, root, caller, Generation.OfChat);

    private Generation Read(BodyFields<GenerationBody> fields, Field root, Caller caller, Func<ServedModel, GenerationBody, ServerLimits, Prefix?, Generation> make)
    {
        GenerationBody body = fields.Read(root);
        Prefix? prefix = body.Prefix is null ? null : prefixes.Find(caller, body.Prefix);
        return Owned(make(model, body, limits, prefix), caller) with { Prefix = prefix is null ? null : new PrefixUse(prefix, caller) };
    }

    private static Generation Owned(Generation generation, Caller caller) => generation with
    {
        Options = generation.Options with { CacheSalt = caller.Salt(generation.Options.CacheSalt), Owner = caller.Name, OwnerWeight = caller.Weight },
    };

    private async Task RunAsync(HttpContext context, IAnswerFormat format, Func<Field, Caller, Generation> read)
    {
        Caller caller = callers.Of(context.Request);
        Generation generation;
        using (JsonDocument document = await RequestBody.ReadAsync(context.Request, limits.BodyBytes))
            generation = read(new Field("The body", document.RootElement), caller);
        using IDisposable place = admission.Enter(caller, generation.Samples);
        AnswerId id = AnswerId.New(format, time);
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        using RequestRecord record = meter.Begin(format.WholeKind, generation, context);
        try
        {
            if (generation.Stream) await StreamAsync(context, format, generation, id, record, ending.Token);
            else await WholeAsync(context, format, generation, id, record, ending.Token);
        }
        catch (Exception error)
        {
            record.Failed(context.RequestAborted.IsCancellationRequested ? "disconnected" : ApiException.Of(error).Code ?? "error");
            throw;
        }
    }

    private async Task WholeAsync(HttpContext context, IAnswerFormat format, Generation generation, AnswerId id, RequestRecord record, CancellationToken cancellation)
    {
        Answered[] results = await ResultsAsync(generation, cancellation);
        context.Response.ContentType = "application/json";
        AnswerJson.WriteWhole(context.Response.BodyWriter, format, model, id, results);
        foreach (GenerateChoice choice in results.SelectMany(answered => answered.Result.Choices)) record.Ended(choice.Finish);
        record.Ended(AnswerJson.Sum(results.Select(answered => answered.Result.Usage)));
        await context.Response.BodyWriter.FlushAsync(cancellation);
    }

    private async Task<Answered[]> ResultsAsync(Generation generation, CancellationToken cancellation)
    {
        Answered[] results = await AllOrNone.RunAsync(generation.Prompts.Count, (prompt, stop) => AnswerAsync(generation, prompt, stop), cancellation);
        generation.Prefix?.Ended(results.Sum(answered => answered.Result.Usage.CachedTokens), results.Length);
        return results;
    }

    private async Task<Answered> AnswerAsync(Generation generation, int index, CancellationToken cancellation)
    {
        int[] prompt = generation.Prompts[index];
        GenerateOptions options = generation.Options;
        if (generation.Tools is { } tools) return await new ToolAnswers(tools, model.Tokenizer, options).ReadAsync(model.Engine.GenerateAsync(prompt, options, cancellation));
        if (generation.Echoes is null) return new(await model.Engine.CompleteAsync(prompt, options, cancellation), null);
        Echo echo = await EchoAsync(generation, index, cancellation);
        if (generation.OnlyEchoes) return new(new GenerateResult([.. Enumerable.Range(0, options.N).Select(i => new GenerateChoice(i, "", [], options.LogProbs is null ? null : [], FinishReason.Length))], echo.Usage), echo);
        GenerateResult result = await model.Engine.CompleteAsync(prompt, options, cancellation);
        return new(result with { Usage = echo.Corrected(result.Usage) }, echo);
    }

    private async Task<Echo> EchoAsync(Generation generation, int index, CancellationToken cancellation)
    {
        int[] prompt = generation.Prompts[index];
        Echo echo = new(generation.Echoes![index], prompt, null, new Usage(prompt.Length, 0, 0));
        if (generation.Options.LogProbs is not int alternatives) return echo;
        ScoreResult scores = await model.Engine.ScoreAsync(prompt, 1, new ScoreOptions { TopLogProbs = alternatives, CacheSalt = generation.Options.CacheSalt, Priority = generation.Options.Priority, Owner = generation.Options.Owner, OwnerWeight = generation.Options.OwnerWeight }, cancellation);
        return echo with { LogProbs = [.. scores.Tokens.Select(token => token.LogProb)], Usage = scores.Usage };
    }

    private async Task StreamAsync(HttpContext context, IAnswerFormat format, Generation generation, AnswerId id, RequestRecord record, CancellationToken cancellation)
    {
        // The engine checks here, before anything is sent: an error still has a status.
        Echo[]? echoes = generation.Echoes is null ? null : await Task.WhenAll(Enumerable.Range(0, generation.Prompts.Count).Select(prompt => EchoAsync(generation, prompt, cancellation)));
        IAsyncEnumerable<GenerateChunk>[] answers = generation.OnlyEchoes ? [] : [.. generation.Prompts.Select(prompt => model.Engine.GenerateAsync(prompt, generation.Options, cancellation))];
        EventStream events = new(context.Response);
        ChoiceState[] states = [.. Enumerable.Range(0, generation.Samples).Select(_ => new ChoiceState { Tools = generation.Tools is { } tools ? new ToolReader(tools, model.Tokenizer) : null })];
        bool mentionUsage = generation.IncludeUsage == true;
        List<Usage> usages = generation.OnlyEchoes ? [.. echoes!.Select(echo => echo.Usage)] : [];
        try
        {
            for (int i = 0; echoes is not null && i < states.Length; i++)
            {
                events.Begin();
                AnswerJson.WriteEcho(events.Output, format, model, id, i, states[i], echoes[i / generation.Options.N], generation, mentionUsage);
                events.End();
            }

            await using IAsyncEnumerator<(int Prompt, GenerateChunk Chunk)> chunks = Merged.Of(answers, cancellation).GetAsyncEnumerator(cancellation);
            while (true)
            {
                // What is there already goes out together; the rest is waited for with nothing held back.
                ValueTask<bool> next = chunks.MoveNextAsync();
                if (!next.IsCompleted) await events.FlushAsync(cancellation);
                if (!await next) break;
                (int prompt, GenerateChunk chunk) = chunks.Current;
                int index = prompt * generation.Options.N + chunk.Index;
                record.Token(index);
                if (chunk.Usage is not null) usages.Add(echoes?[prompt].Corrected(chunk.Usage) ?? chunk.Usage);
                if (chunk.Finish is { } finish) record.Ended(finish);
                ToolCallDelta? delta = states[index].Tools?.Read(chunk);
                string text = delta?.Content ?? chunk.Text;
                if (text.Length == 0 && chunk.LogProb is null && chunk.Finish is null && delta is not { Calls.Count: > 0 }) continue;      // a part of a character, or of a call
                events.Begin();
                AnswerJson.WriteChunk(events.Output, format, model, id, index, states[index], chunk with { Text = text }, delta?.Calls, mentionUsage);
                events.End();
            }

            Usage usage = AnswerJson.Sum(usages);
            generation.Prefix?.Ended(usage.CachedTokens, generation.Prompts.Count);
            record.Ended(usage);
            if (mentionUsage)
            {
                events.Begin();
                AnswerJson.WriteUsageChunk(events.Output, format, model, id, usage);
                events.End();
            }

            events.Done();
            await events.FlushAsync(cancellation);
        }
        catch (Exception error) when (context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            // The status is sent; the error becomes the stream's last event, and the server's log has it too.
            events.Begin();
            AnswerJson.WriteError(events.Output, ApiException.Of(error));
            events.End();
            await events.FlushAsync(CancellationToken.None);
            throw;
        }
    }
}
