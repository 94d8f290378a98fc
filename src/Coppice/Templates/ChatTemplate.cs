using System.Text;
using System.Text.Json;
using Coppice.Templates;

namespace Coppice;

/// <summary>
/// How a model wants a conversation written: the Jinja template that comes with it. It renders as transformers renders it
/// (Jinja with trim_blocks, lstrip_blocks, loop controls and the generation tag, in its immutable sandbox). A template reaches nothing but the values it is given,
/// and <see cref="ChatTemplateLimits"/> bounds what it takes. Threads may use one template together.
/// </summary>
public sealed class ChatTemplate
{
    private readonly Body _body;
    private readonly ChatTemplateLimits _limits;
    private readonly Lazy<TemplateFindings> _findings;

    private ChatTemplate(string source, Body body, ChatTemplateLimits limits)
    {
        Source = source;
        _body = body;
        _limits = limits;
        _findings = new Lazy<TemplateFindings>(() => TemplateProbe.Run(this));
    }

    /// <summary>The template as it was given.</summary>
    public string Source { get; }

    /// <summary>Reads a template.</summary>
    /// <param name="template">Jinja.</param>
    /// <param name="limits">What a rendering may take; null for the usual.</param>
    /// <exception cref="ChatTemplateException">It is malformed, too long, or asks for what chat templates may not do.</exception>
    public static ChatTemplate Parse(string template, ChatTemplateLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(template);
        limits ??= new ChatTemplateLimits();
        if (template.Length > limits.TemplateCharacters)
            throw new ChatTemplateException(1, $"The template has {template.Length} characters; at most {limits.TemplateCharacters} are read ({nameof(ChatTemplateLimits)}.{nameof(ChatTemplateLimits.TemplateCharacters)}).");
        return new ChatTemplate(template, TemplateParser.Read(template), limits);
    }

    /// <summary>What the template does with roles and fields: found out at the first use.</summary>
    internal TemplateFindings Findings => _findings.Value;

    /// <summary>
    /// The conversation as a prompt. It has the special tokens written out, begin of text included where the template puts it: encode it with
    /// <see cref="Specials.InText"/> only, so that no second one comes before it. Roles stay as they are, also those that the template drops;
    /// <see cref="ChatTemplates.Render"/> fits the conversation to the template first.
    /// </summary>
    /// <exception cref="ChatTemplateException">The template complains about the conversation, or cannot be rendered.</exception>
    /// <exception cref="InvalidRequestException">A text in the JSON is not Unicode.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public string Render(ChatTemplateInput input, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(input);
        return Render(input, new TemplateFindings { ArgumentsAsText = Findings.ArgumentsAsText }, cancellation);
    }

    /// <summary>The conversation, fitted to the template, as a prompt.</summary>
    internal string RenderFitted(ChatTemplateInput input, CancellationToken cancellation)
    {
        ChatTemplateInput fitted = input with { Messages = Fitting.Fit(this, input.Messages, input.Tools is not null) };
        IReadOnlyList<ChatMessage> messages = fitted.Messages;
        string prompt = Render(fitted, Findings, cancellation);
        if (Findings != TemplateFindings.Nothing)
            Omissions.Refuse(messages, input.Messages.Count - messages.Count, prompt, (count, change) => Render(fitted with { Messages = [.. messages.Take(count)] }, Findings, cancellation, change));
        return prompt;
    }

    /// <summary>Whether the template has the word in quotes.</summary>
    internal bool Mentions(string word) => Source.Contains($"'{word}'", StringComparison.Ordinal) || Source.Contains($"\"{word}\"", StringComparison.Ordinal);

    /// <summary>The template with these variables and no others.</summary>
    internal string Render(IReadOnlyDictionary<string, object?> variables, DateTimeOffset now, ChatTemplateLimits? limits = null) =>
        Render(variables, new Rendering(limits ?? _limits, now, CancellationToken.None));

    private string Render(ChatTemplateInput input, TemplateFindings findings, CancellationToken cancellation, Action<int, Map>? change = null)
    {
        Rendering run = new(_limits, input.Clock.GetLocalNow(), cancellation);
        Dictionary<string, object?> variables = new(StringComparer.Ordinal);
        foreach ((string name, JsonElement value) in input.Variables) variables[name] = JsonValues.Of(value);
        List<object?> messages = new(input.Messages.Count);
        for (int i = 0; i < input.Messages.Count; i++)
        {
            Map message = input.Messages[i].ToMap(run, findings);
            change?.Invoke(i, message);
            messages.Add(message);
        }
        variables["messages"] = Sequence.List(messages);
        variables["tools"] = input.Tools is JsonElement tools ? JsonValues.Of(tools) : null;
        variables["documents"] = input.Documents is JsonElement documents ? JsonValues.Of(documents) : null;
        variables["add_generation_prompt"] = input.AddGenerationPrompt;
        if (input.BeginOfText is not null) variables["bos_token"] = input.BeginOfText;
        if (input.EndOfText is not null) variables["eos_token"] = input.EndOfText;
        return Render(variables, run);
    }

    private string Render(IReadOnlyDictionary<string, object?> variables, Rendering run)
    {
        Scope scope = new(run, null);
        Globals.AddTo(scope);
        // The template's own variables lie above those it is given.
        Scope given = scope.Inner();
        foreach ((string name, object? value) in variables) given[name] = value;
        StringBuilder output = new();
        _body.Execute(given.Inner(), output);
        return output.ToString();
    }
}
