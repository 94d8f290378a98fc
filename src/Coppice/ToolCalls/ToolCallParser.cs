using System.Text;
using Coppice.ToolCalls;

namespace Coppice;

/// <summary>
/// Finds the tool calls in a model's answer while it comes. What cannot belong to a call is given out as content at once; a call is given out when it is
/// complete; what looked like a call and is none comes out as content. One for each answer; not for several threads.
/// </summary>
public sealed class ToolCallParser
{
    private readonly ToolCallFormat _format;
    private readonly StringBuilder _held = new();
    private bool _inCall;        // the opening marker is the beginning of what is held
    private bool _hasContent;    // something other than whitespace was given out
    private bool _afterCall;     // a call was the last thing given out
    private int _searched;       // held[0.._searched) has been looked at: in a call it has no closing marker, else it is white space
    private bool _inText;        // in a call: the next character to look at is one of a JSON text's
    private bool _isEscaped;     // a backslash stands before it
    private bool _isBroken;      // the call is no JSON

    private ToolCallParser(ToolCallFormat format) => _format = format;

    /// <summary>Whether the template's model has a known way to call tools. Otherwise all is content.</summary>
    public bool FindsCalls => _format.Kind != ToolCallKind.None;

    /// <summary>A parser for an answer of the model that this template is for. Known by the markers in the template: Hermes and Qwen
    /// (<c>&lt;tool_call&gt;</c>), Mistral (<c>[TOOL_CALLS]</c>) and Llama 3 (<c>&lt;|python_tag|&gt;</c>, or a whole answer that is a call).</summary>
    public static ToolCallParser For(ChatTemplate template)
    {
        ArgumentNullException.ThrowIfNull(template);
        return new ToolCallParser(ToolCallFormat.Of(template.Source));
    }

    /// <summary>Takes in a chunk of the answer. Some models' markers are special tokens, which have no text: this sees them.</summary>
    public ToolCallDelta Append(GenerateChunk chunk, Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(chunk);
        ArgumentNullException.ThrowIfNull(tokenizer);
        bool isMarker = tokenizer.IsSpecial(chunk.Token) && _format.IsMarker(tokenizer.Piece(chunk.Token));
        return Append(isMarker ? chunk.Text + tokenizer.Piece(chunk.Token) : chunk.Text);
    }

    /// <summary>Takes in a piece of the answer's text.</summary>
    public ToolCallDelta Append(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!FindsCalls) return new ToolCallDelta(text, []);
        if (text.Length == 0) return ToolCallDelta.None;
        _held.Append(text);
        StringBuilder content = new();
        List<ToolCall> calls = [];
        while (_inCall ? TryEndCall(content, calls) : TryBeginCall(content))
        {
        }
        return Delta(content, calls);
    }

    /// <summary>The answer has ended: what was held back.</summary>
    public ToolCallDelta Finish()
    {
        StringBuilder content = new();
        List<ToolCall> calls = [];
        string held = _held.ToString();
        _held.Clear();
        if (_inCall) Read(held, held.AsSpan(_format.Open.Length), content, calls);
        else if (_format.Kind == ToolCallKind.Llama && !_hasContent && held.AsSpan().TrimStart().StartsWith("{")) Read(held, held, content, calls);
        else if (!_afterCall || held.AsSpan().Trim().Length > 0) content.Append(held);
        BeginSearch();
        return Delta(content, calls);
    }

    /// <summary>An answer that had to be a call has ended. One that was cut off is given out as far as it came: its arguments may be no JSON yet. None of it is content.</summary>
    /// <param name="isWhole">Whether it was not cut off.</param>
    public ToolCallDelta FinishDemanded(out bool isWhole)
    {
        string held = _held.ToString();
        ToolCallDelta rest = Finish();
        // What is no call yet comes back as content.
        isWhole = rest.Content.Length == 0;
        if (isWhole) return rest;
        List<ToolCall> calls = [];
        ToolCallJson.ReadCutOff(held.AsSpan(held.StartsWith(_format.Open, StringComparison.Ordinal) ? _format.Open.Length : 0), calls);
        return new ToolCallDelta("", calls);
    }

    /// <summary>Gives out what lies before a call. True if one begins.</summary>
    private bool TryBeginCall(StringBuilder content)
    {
        // An answer of Llama's that begins with { may be a call as a whole.
        if (_format.Kind == ToolCallKind.Llama && !_hasContent && FirstLetter() is '{') return false;

        string fresh = _held.ToString(_searched, _held.Length - _searched);
        int open = fresh.IndexOf(_format.Open, StringComparison.Ordinal);
        int certain = open >= 0 ? open : fresh.Length - Overlap(fresh, _format.Open);
        int letters = fresh.AsSpan(0, certain).TrimEnd().Length;     // space before a call belongs to it
        if (letters > 0)
        {
            content.Append(_held, 0, _searched + letters);
            _hasContent = true;
            _afterCall = false;
        }
        _inCall = open >= 0;
        int given = letters > 0 ? _searched + letters : 0;
        _searched += certain;
        _held.Remove(0, _inCall ? _searched : given);
        _searched = _inCall ? _format.Open.Length : _searched - given;
        return _inCall;
    }

    /// <summary>Reads the call if its end has come. True if more may follow.</summary>
    private bool TryEndCall(StringBuilder content, List<ToolCall> calls)
    {
        if (_format.Close is not string close || FindClose(close) is not int end) return false;
        string whole = _held.ToString(0, end + close.Length);
        _held.Remove(0, whole.Length);
        BeginSearch();
        Read(whole, whole.AsSpan(_format.Open.Length..end), content, calls);
        return true;
    }

    /// <summary>Where the closing marker stands, outside of the call's texts. What cannot be JSON has no texts: there the first one closes.</summary>
    private int? FindClose(string close)
    {
        if (_isBroken) return FindFirst(close);
        string fresh = _held.ToString(_searched, _held.Length - _searched);
        for (int i = 0; i < fresh.Length; i++, _searched++)
        {
            char c = fresh[i];
            if (_isEscaped) _isEscaped = false;
            else if (_inText && c == '\\') _isEscaped = true;
            else if (c == '"') _inText = !_inText;
            else if (_inText && c < ' ')
            {
                (_isBroken, _searched) = (true, _format.Open.Length);
                return FindFirst(close);
            }
            else if (!_inText && c == close[0])
            {
                ReadOnlySpan<char> rest = fresh.AsSpan(i);
                if (rest.StartsWith(close, StringComparison.Ordinal)) return _searched;
                if (close.AsSpan().StartsWith(rest, StringComparison.Ordinal)) return null;
            }
        }

        return null;
    }

    private int? FindFirst(string close)
    {
        int found = _held.ToString(_searched, _held.Length - _searched).IndexOf(close, StringComparison.Ordinal);
        if (found >= 0) return _searched + found;
        _searched = Math.Max(_searched, _held.Length - close.Length + 1);
        return null;
    }

    private void BeginSearch() => (_inCall, _searched, _inText, _isEscaped, _isBroken) = (false, 0, false, false, false);

    private void Read(string whole, ReadOnlySpan<char> inside, StringBuilder content, List<ToolCall> calls)
    {
        if (_format.TryRead(inside, calls))
        {
            _afterCall = true;
            return;
        }
        content.Append(whole);
        _hasContent = true;
        _afterCall = false;
    }

    private char? FirstLetter()
    {
        for (int i = _searched; i < _held.Length; i++)
            if (!char.IsWhiteSpace(_held[i])) return _held[i];
        return null;
    }

    /// <summary>How many last characters of the text may begin the marker.</summary>
    private static int Overlap(string text, string marker)
    {
        int overlap = Math.Min(text.Length, marker.Length - 1);
        while (!text.AsSpan(text.Length - overlap).SequenceEqual(marker.AsSpan(0, overlap))) overlap--;
        return overlap;
    }

    private static ToolCallDelta Delta(StringBuilder content, List<ToolCall> calls) =>
        content.Length == 0 && calls.Count == 0 ? ToolCallDelta.None : new ToolCallDelta(content.ToString(), calls);
}
