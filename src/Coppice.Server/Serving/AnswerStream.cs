using Coppice.Server.Telemetry;
using Coppice.Server.Wire;
using Microsoft.AspNetCore.Http;

namespace Coppice.Server.Serving;

/// <summary>The answers to one request as they are made, as server-sent events.</summary>
internal sealed class AnswerStream : IDisposable
{
    private readonly IAnswerFormat _format;
    private readonly ServedModel _model;
    private readonly AnswerId _id;
    private readonly Generation _generation;
    private readonly RequestRecord _record;
    private readonly EventStream _events;
    private readonly ChoiceState[] _states;
    private readonly Echo[]? _echoes;
    private readonly IAsyncEnumerable<GenerateChunk>[] _answers;
    private readonly List<Usage> _usages = [];
    private readonly CancellationToken _cancellation;

    private AnswerStream(HttpResponse response, IAnswerFormat format, ServedModel model, AnswerId id, Generation generation, RequestRecord record, Echo[]? echoes, CancellationToken cancellation)
    {
        (_format, _model, _id, _generation, _record, _echoes, _cancellation) = (format, model, id, generation, record, echoes, cancellation);
        _answers = generation.OnlyPrompts ? [] : [.. generation.Prompts.Select(prompt => model.Engine.GenerateAsync(prompt, generation.Options, cancellation))];
        _states = [.. Enumerable.Range(0, generation.Prompts.Count * generation.Options.N).Select(_ => new ChoiceState { Tools = generation.Tools is { } tools ? new ToolReader(tools, model.Tokenizer) : null })];
        _events = new EventStream(response, generation.Warnings, cancellation);
    }

    private bool MentionsUsage => _generation.Request.Body.IncludeUsage == true;

    /// <summary>Checks that the engine takes the request, and computes what comes before its answers. Nothing is sent yet.</summary>
    public static async Task<AnswerStream> BeginAsync(HttpResponse response, IAnswerFormat format, ServedModel model, AnswerId id, Generation generation, RequestRecord record, Answers answers, CancellationToken cancellation)
    {
        Echo[]? echoes = await answers.EchoesAsync(generation, cancellation);
        AnswerStream stream = new(response, format, model, id, generation, record, echoes, cancellation);
        if (generation.OnlyPrompts) stream._usages.AddRange(echoes?.Select(echo => echo.Usage) ?? (await answers.AllAsync(generation, cancellation)).Select(answered => answered.Result.Usage));
        return stream;
    }

    public async Task RunAsync()
    {
        if (_echoes is not null) await EchoAsync();
        else if (_generation.OnlyPrompts) await EndAllAsync();
        await using IAsyncEnumerator<(int Prompt, GenerateChunk Chunk)> chunks = Merged.Of(_answers, _cancellation).GetAsyncEnumerator(_cancellation);
        while (true)
        {
            // What is there already goes out together, up to a limit; the rest is waited for with nothing held back.
            ValueTask<bool> next = chunks.MoveNextAsync();
            if (!next.IsCompleted) await _events.FlushAsync();
            if (!await next) break;
            await WriteAsync(chunks.Current.Prompt, chunks.Current.Chunk);
        }

        Usage usage = AnswerJson.Sum(_usages);
        if (!_generation.OnlyPrompts || _echoes is not null) _generation.Prefix?.Ended(usage.CachedTokens, _generation.Prompts.Count);
        _record.Ended(usage);
        if (MentionsUsage)
        {
            _events.Begin();
            AnswerJson.WriteUsageChunk(_events.Output, _format, _model, _id, usage);
            _events.End();
        }

        _events.Done();
        await _events.FlushAsync();
    }

    /// <summary>Ends with an error.</summary>
    public Task FailAsync(ApiException error) => _events.FailAsync(error);

    public void Dispose() => _events.Dispose();

    private async Task WriteAsync(int prompt, GenerateChunk chunk)
    {
        int index = prompt * _generation.Options.N + chunk.Index;
        _record.Token(index);
        if (chunk.Usage is not null) _usages.Add(_echoes?[prompt].Corrected(chunk.Usage) ?? chunk.Usage);
        if (chunk.Finish is { } finish) _record.Ended(finish);
        ToolCallDelta? delta = _states[index].Tools?.Read(chunk);
        string text = delta?.Content ?? chunk.Text;
        if (text.Length == 0 && chunk.LogProb is null && chunk.Finish is null && delta is not { Calls.Count: > 0 }) return;      // a part of a character, or of a call
        _events.Begin();
        await AnswerJson.WriteChunkAsync(_events.Output, _format, _model, _id, index, _states[index], chunk with { Text = text, Finish = _states[index].Tools?.Finish ?? chunk.Finish }, delta?.Calls, MentionsUsage);
        _events.End();
        await _events.DrainAsync();
    }

    private async Task EchoAsync()
    {
        for (int i = 0; i < _states.Length; i++)
        {
            _events.Begin();
            await AnswerJson.WriteEchoAsync(_events.Output, _format, _model, _id, i, _states[i], _echoes![i / _generation.Options.N], _generation, MentionsUsage);
            _events.End();
            await _events.DrainAsync();
        }
    }

    /// <summary>Says that answers of no tokens have ended.</summary>
    private async Task EndAllAsync()
    {
        for (int i = 0; i < _states.Length; i++)
        {
            _record.Ended(FinishReason.Length);
            _events.Begin();
            await AnswerJson.WriteChunkAsync(_events.Output, _format, _model, _id, i, _states[i], new GenerateChunk(i % _generation.Options.N, Token: 0, "", LogProb: null, FinishReason.Length), null, MentionsUsage);
            _events.End();
            await _events.DrainAsync();
        }
    }
}
