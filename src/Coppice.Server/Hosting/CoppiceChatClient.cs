using System.Runtime.CompilerServices;
using System.Text.Json;
using Coppice.Server.Serving;
using Microsoft.Extensions.AI;
using Message = Coppice.ChatMessage;

namespace Coppice.Server.Hosting;

/// <summary>An engine as the chat client of Microsoft.Extensions.AI. The model must have a chat template. The engine is the caller's and is not disposed.</summary>
/// <param name="engine">Answers.</param>
/// <param name="modelName">What answers call the model.</param>
public sealed class CoppiceChatClient(Engine engine, string? modelName = null) : IChatClient
{
    private static readonly Dictionary<string, JsonElement> s_noVariables = [];

    /// <inheritdoc/>
    /// <exception cref="InvalidRequestException">The model has no chat template, or something is asked for that it does not do; the message names it.</exception>
    /// <exception cref="ContextTooLongException">The conversation does not fit.</exception>
    public async Task<ChatResponse> GetResponseAsync(IEnumerable<Microsoft.Extensions.AI.ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        await GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    /// <exception cref="InvalidRequestException">The model has no chat template, or something is asked for that it does not do; the message names it.</exception>
    /// <exception cref="ContextTooLongException">The conversation does not fit.</exception>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<Microsoft.Extensions.AI.ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        List<Message> conversation = [.. messages.Select(Read)];
        if (options?.Instructions is { Length: > 0 } instructions) conversation.Insert(0, new Message("system", instructions));
        GenerateOptions generate = Read(options);
        int[] prompt = ChatPrompt.Encode(engine.Tokenizer, engine.ChatTemplates, conversation, addGenerationPrompt: true, s_noVariables, cancellation: cancellationToken);
        return UpdatesAsync(engine.GenerateAsync(prompt, generate, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) return null;
        if (serviceType == typeof(ChatClientMetadata)) return new ChatClientMetadata("coppice", null, modelName);
        if (serviceType.IsInstanceOfType(engine)) return engine;
        return serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Does nothing: the engine is the caller's.</summary>
    public void Dispose()
    {
    }

    private async IAsyncEnumerable<ChatResponseUpdate> UpdatesAsync(IAsyncEnumerable<GenerateChunk> chunks, [EnumeratorCancellation] CancellationToken cancellation)
    {
        string id = $"chatcmpl-{Guid.NewGuid():N}";
        await foreach (GenerateChunk chunk in chunks.WithCancellation(cancellation).ConfigureAwait(false))
        {
            if (chunk.Text.Length == 0 && chunk.Finish is null) continue;       // a part of a character
            ChatResponseUpdate update = new(ChatRole.Assistant, chunk.Text)
            {
                ResponseId = id,
                MessageId = id,
                ModelId = modelName,
                FinishReason = chunk.Finish switch { null => null, FinishReason.Stop => ChatFinishReason.Stop, _ => ChatFinishReason.Length },
                RawRepresentation = chunk,
            };
            if (chunk.Usage is { } usage)
                update.Contents.Add(new UsageContent(new UsageDetails { InputTokenCount = usage.PromptTokens, OutputTokenCount = usage.CompletionTokens, TotalTokenCount = usage.PromptTokens + usage.CompletionTokens, CachedInputTokenCount = usage.CachedTokens }));
            yield return update;
        }
    }

    private static Message Read(Microsoft.Extensions.AI.ChatMessage message)
    {
        if (message.Contents.FirstOrDefault(content => content is not TextContent and not UsageContent) is { } other)
            throw new InvalidRequestException($"A message has {other.GetType().Name}; the model reads text only.");
        return new Message(message.Role.Value, message.Text) { Name = message.AuthorName };
    }

    /// <summary>What the options ask for, on top of the <see cref="GenerateOptions"/> that their <see cref="ChatOptions.RawRepresentationFactory"/> may give.</summary>
    private GenerateOptions Read(ChatOptions? options)
    {
        if (options is null) return new GenerateOptions();
        if (options.Tools is { Count: > 0 }) throw new InvalidRequestException("Tools are not supported: calls are not read from answers.");
        if (options.ResponseFormat is not null and not ChatResponseFormatText) throw new InvalidRequestException("ResponseFormat is not supported here: answers are free text.");
        GenerateOptions generate = options.RawRepresentationFactory?.Invoke(this) as GenerateOptions ?? new GenerateOptions();
        if (generate.N != 1) throw new InvalidRequestException($"N is {generate.N}; a chat client gives one answer.");
        return generate with
        {
            MaxTokens = options.MaxOutputTokens ?? generate.MaxTokens,
            Temperature = options.Temperature ?? generate.Temperature,
            TopP = options.TopP ?? generate.TopP,
            TopK = options.TopK ?? generate.TopK,
            FrequencyPenalty = options.FrequencyPenalty ?? generate.FrequencyPenalty,
            PresencePenalty = options.PresencePenalty ?? generate.PresencePenalty,
            Seed = options.Seed ?? generate.Seed,
            Stop = options.StopSequences is { Count: > 0 } stop ? [.. stop] : generate.Stop,
        };
    }
}
