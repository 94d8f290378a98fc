using System.Diagnostics.CodeAnalysis;
using Coppice.Scheduling;
using Coppice.Tokens;

namespace Coppice;

/// <summary>The caller's side of one sample: turns the tokens that the engine has shown into chunks of text.</summary>
internal sealed class SampleReader(Sequence sequence, Tokenizer tokenizer)
{
    private readonly TextStream _text = new(tokenizer, sequence.Request.StopTexts, sequence.Request.Prompt, sequence.Request.Options.MinTokens);
    private int _read;

    /// <summary>The next chunk, if there is one.</summary>
    public bool TryRead([NotNullWhen(true)] out GenerateChunk? chunk)
    {
        (int generated, FinishReason? finish) = sequence.Progress;
        chunk = null;
        if (_read == generated) return false;
        int token = sequence.GeneratedToken(_read);
        bool last = finish is not null && _read + 1 == generated;
        string text = last && sequence.Sampling.IsEnd(token) ? "" : _text.Append(token);
        if (last) text += _text.Flush();
        chunk = new GenerateChunk(sequence.Index, token, text, sequence.LogProb(_read), last ? finish : null);
        _read++;
        return true;
    }
}
