using System.Collections.Concurrent;
using System.Text.Json;
using Coppice.Loading;
using Coppice.Tokens;

namespace Coppice;

/// <summary>
/// The chat templates that come with a model: most have one, "default"; some have more, such as "tool_use". Each is read when it is first used,
/// so that a model whose template is broken can still be used without it.
/// </summary>
public sealed class ChatTemplates
{
    internal const string DefaultName = "default";

    private const string ToolUseName = "tool_use", GgufKey = "tokenizer.chat_template";

    private readonly Dictionary<string, Source> _sources;
    private readonly ConcurrentDictionary<string, ChatTemplate> _read = new(StringComparer.Ordinal);
    private readonly ChatTemplateLimits _limits;

    /// <param name="Text">Jinja.</param>
    /// <param name="FoundIn">The file or the metadata key that it stands in.</param>
    private readonly record struct Source(string Text, string FoundIn);

    private ChatTemplates(Dictionary<string, Source> sources, ChatTemplateLimits? limits)
    {
        _sources = sources;
        _limits = limits ?? new ChatTemplateLimits();
    }

    /// <summary>The templates' names.</summary>
    public IReadOnlyCollection<string> Names => _sources.Keys;

    /// <summary>
    /// The templates of a Hugging Face folder: chat_template.jinja and additional_chat_templates/*.jinja, or else the chat_template of tokenizer_config.json
    /// or chat_template.json. Null if there are none.
    /// </summary>
    /// <exception cref="ModelFormatException">One of the files is not what it should be.</exception>
    public static ChatTemplates? FromFolder(string folder, ChatTemplateLimits? limits = null)
    {
        Dictionary<string, Source> sources = new(StringComparer.Ordinal);
        foreach (string file in (string[])[Path.Combine(folder, "chat_template.json"), Path.Combine(folder, "tokenizer_config.json")])
            if (File.Exists(file)) ReadJson(file, sources);
        string single = Path.Combine(folder, "chat_template.jinja"), more = Path.Combine(folder, "additional_chat_templates");
        if (File.Exists(single)) sources[DefaultName] = ReadText(single);
        if (Directory.Exists(more))
            foreach (string file in Directory.GetFiles(more, "*.jinja").Order(StringComparer.Ordinal)) sources[Path.GetFileNameWithoutExtension(file)] = ReadText(file);
        return sources.Count > 0 ? new ChatTemplates(sources, limits) : null;
    }

    /// <summary>A template in a file of its own, or the templates in a file such as tokenizer_config.json: for a model that comes without one, or with a wrong one.</summary>
    /// <param name="file">Jinja, or JSON with a chat_template where the name ends in .json.</param>
    /// <param name="limits">What a rendering may take; null for the usual.</param>
    /// <exception cref="ModelFormatException">It is not what it should be.</exception>
    public static ChatTemplates FromFile(string file, ChatTemplateLimits? limits = null)
    {
        Dictionary<string, Source> sources = new(StringComparer.Ordinal);
        if (file.EndsWith(".json", StringComparison.OrdinalIgnoreCase)) ReadJson(file, sources);
        else sources[DefaultName] = ReadText(file);
        return sources.Count > 0 ? new ChatTemplates(sources, limits) : throw new ModelFormatException(file, "The file has no chat_template.");
    }

    /// <summary>The templates in a GGUF file's metadata; null if there are none.</summary>
    /// <exception cref="ModelFormatException">A value is not a text.</exception>
    internal static ChatTemplates? FromGguf(GgufMetadata metadata, ChatTemplateLimits? limits = null)
    {
        Dictionary<string, Source> sources = new(StringComparer.Ordinal);
        foreach (string key in metadata.Keys)
        {
            if (key == GgufKey) sources[DefaultName] = new Source(metadata.RequiredString(key), key);
            else if (key.StartsWith(GgufKey + ".", StringComparison.Ordinal)) sources[key[(GgufKey.Length + 1)..]] = new Source(metadata.RequiredString(key), key);
        }
        return sources.Count > 0 ? new ChatTemplates(sources, limits) : null;
    }

    /// <summary>The templates of an opened model; null if it has none.</summary>
    internal static ChatTemplates? Of(ModelSource source) => source.Gguf is { } metadata ? FromGguf(metadata) : FromFolder(source.Folder!);

    /// <summary>A template as it was written.</summary>
    internal string Text(string name) => _sources[name].Text;

    /// <summary>The file, or the key of GGUF metadata, that a template stands in.</summary>
    internal string FoundIn(string name) => _sources[name].FoundIn;

    /// <summary>The template of this name.</summary>
    /// <exception cref="InvalidRequestException">There is none.</exception>
    /// <exception cref="ChatTemplateException">It is malformed.</exception>
    public ChatTemplate Find(string name) => _sources.TryGetValue(name, out Source source)
        ? _read.GetOrAdd(name, _ => ChatTemplate.Parse(source.Text, _limits))
        : throw new InvalidRequestException($"The model has no chat template '{name}'; it has: {string.Join(", ", Names)}.");

    /// <summary>
    /// The conversation as a prompt, by the template "tool_use" where there are tools and there is such a template, else by "default". It is fitted to the template:
    /// a developer's message becomes the system's where the template does not know the role, and what the template would drop without a word is refused.
    /// </summary>
    /// <exception cref="InvalidRequestException">The model has neither template, or the template would drop a message, calls or tools.</exception>
    /// <exception cref="ChatTemplateException">The template is malformed, complains about the conversation, or cannot be rendered.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public string Render(ChatTemplateInput input, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(input);
        return Chosen(input.Tools is not null).RenderFitted(input, cancellation);
    }

    /// <summary>Finds out now what the templates do with roles and fields, not at the first conversation. A template that is malformed says so when it is used.</summary>
    internal void Probe()
    {
        foreach (string name in new[] { DefaultName, ToolUseName })
        {
            if (!_sources.ContainsKey(name)) continue;
            try
            {
                _ = Find(name).Findings;
            }
            catch (ChatTemplateException)
            {
                // It is named by the first request that needs it; others do without.
            }
        }
    }

    /// <summary>The template that <see cref="Render"/> takes.</summary>
    internal ChatTemplate Chosen(bool withTools) => Find(withTools && _sources.ContainsKey(ToolUseName) ? ToolUseName : DefaultName);

    private static void ReadJson(string file, Dictionary<string, Source> sources)
    {
        JsonField.ReadFile(file, root =>
        {
            JsonField field = root.Optional("chat_template");
            if (field.IsNull) return 0;
            if (field.Element.ValueKind != JsonValueKind.Array)
            {
                sources[DefaultName] = new Source(field.String(), Path.GetFileName(file));
                return 1;
            }
            foreach (JsonField named in field.Items()) sources[named.Required("name").String()] = new Source(named.Required("template").String(), Path.GetFileName(file));
            return sources.Count;
        }, SmallFile.LargestSettings);
    }

    private static Source ReadText(string file) => new(SmallFile.ReadText(file), Path.GetFileName(file));
}
