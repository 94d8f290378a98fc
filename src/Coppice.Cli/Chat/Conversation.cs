using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Coppice.Loading;

namespace Coppice.Cli.Chat;

/// <summary>
/// What has been said. Each turn renders it whole, and the cache finds what earlier turns computed: the prompt up to the last answer is
/// the same tokens as before. From the answer on they may differ, and are computed again, where encoding its text gives other tokens
/// than the model drew, or where the template writes old answers in another way than it lets the model begin them (without their thoughts, say).
/// </summary>
internal sealed class Conversation
{
    private const string System = "system", User = "user", Assistant = "assistant";

    private readonly List<ChatMessage> _messages = [];

    public IReadOnlyList<ChatMessage> Messages => _messages;

    /// <summary>The first message, if it is one of the system; setting it keeps what was said since.</summary>
    public string? SystemPrompt
    {
        get => HasSystem ? _messages[0].Content : null;
        set
        {
            if (HasSystem) _messages.RemoveAt(0);
            if (value is not null) _messages.Insert(0, new ChatMessage(System, value));
        }
    }

    private bool HasSystem => _messages is [{ Role: System }, ..];

    public void Ask(string text) => _messages.Add(new ChatMessage(User, text));

    public void Answer(string text) => _messages.Add(new ChatMessage(Assistant, text));

    /// <summary>Forgets all but the system prompt.</summary>
    public void Reset() => _messages.RemoveRange(HasSystem ? 1 : 0, _messages.Count - (HasSystem ? 1 : 0));

    /// <summary>Forgets the last question and what followed it.</summary>
    /// <returns>False: there is none.</returns>
    public bool Undo()
    {
        int question = _messages.FindLastIndex(message => message.Role == User);
        if (question < 0) return false;
        _messages.RemoveRange(question, _messages.Count - question);
        return true;
    }

    /// <summary>The conversation as one line of JSON, which <c>coppice run</c> takes, too.</summary>
    public byte[] ToJson()
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter json = new(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteStartArray("messages");
            foreach (ChatMessage message in _messages) message.WriteTo(json);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        bytes.WriteByte((byte)'\n');
        return bytes.ToArray();
    }

    /// <summary>Replaces the conversation by what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="InvalidRequestException">It is something else; the conversation stays as it is.</exception>
    public void Load(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            using JsonDocument document = StrictJson.Parse(utf8);
            if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("messages", out JsonElement messages) || messages.ValueKind != JsonValueKind.Array)
                throw new InvalidRequestException("It is no conversation: an object with a list of messages.");
            ChatMessage[] loaded = [.. messages.EnumerateArray().Select(ChatMessage.FromJson)];
            _messages.Clear();
            _messages.AddRange(loaded);
        }
        catch (JsonException e)
        {
            throw new InvalidRequestException($"It is not JSON: {e.Message}");
        }
    }
}
