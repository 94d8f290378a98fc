using System.Text.Json;

namespace Coppice;

/// <summary>What a chat template is given.</summary>
public sealed record ChatTemplateInput
{
    /// <summary>The conversation, oldest first: the template's 'messages'.</summary>
    public required IReadOnlyList<ChatMessage> Messages { get; init; }

    /// <summary>The tools that the model may call, a JSON array of their definitions: 'tools'. Null is None, as templates expect it.</summary>
    public JsonElement? Tools { get; init; }

    /// <summary>Texts to answer from, a JSON array: 'documents'.</summary>
    public JsonElement? Documents { get; init; }

    /// <summary>Whether the prompt ends where the model's answer begins: 'add_generation_prompt'.</summary>
    public bool AddGenerationPrompt { get; init; } = true;

    /// <summary>The spelling of the token that begins a text: 'bos_token'. Null: undefined.</summary>
    public string? BeginOfText { get; init; }

    /// <summary>The spelling of the token that ends a text: 'eos_token'. Null: undefined.</summary>
    public string? EndOfText { get; init; }

    /// <summary>Further variables, such as enable_thinking; the ones above come before them.</summary>
    public IReadOnlyDictionary<string, JsonElement> Variables { get; init; } = new Dictionary<string, JsonElement>(StringComparer.Ordinal);

    /// <summary>What strftime_now reads.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
