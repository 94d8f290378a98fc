using Coppice.Server.Serving;
using Coppice.Tokens;

namespace Coppice.Server.Wire;

/// <summary>How answers look: as text completions or as messages of a chat.</summary>
internal interface IAnswerFormat
{
    /// <summary>What ids begin with.</summary>
    string IdPrefix { get; }

    /// <summary>The kind of a whole answer.</summary>
    string WholeKind { get; }

    /// <summary>The kind of an event of a stream.</summary>
    string ChunkKind { get; }

    /// <summary>Writes one finished choice, an object, behind its prompt if that is echoed.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="model">Spells tokens.</param>
    /// <param name="index">The choice.</param>
    /// <param name="choice">Of the answers to one prompt.</param>
    /// <param name="answered">All that came of that prompt.</param>
    ValueTask WriteChoiceAsync(AnswerWriter output, ServedModel model, int index, GenerateChoice choice, Answered answered);

    /// <summary>Writes what a stream adds to a choice, an object.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="model">Spells tokens.</param>
    /// <param name="index">The choice.</param>
    /// <param name="state">What the stream has said of this choice so far.</param>
    /// <param name="chunk">What is new; its text is content.</param>
    /// <param name="calls">Calls of tools that became complete.</param>
    ValueTask WriteChunkAsync(AnswerWriter output, ServedModel model, int index, ChoiceState state, GenerateChunk chunk, IReadOnlyList<ToolCall>? calls);
}

/// <summary>What a stream has said of one choice.</summary>
internal sealed class ChoiceState
{
    public bool Begun { get; set; }

    /// <summary>Tells calls from content; null if there are no tools.</summary>
    public ToolReader? Tools { get; init; }

    /// <summary>Where the next token's text begins in the answer.</summary>
    public TextOffset Offset { get; } = new();
}
