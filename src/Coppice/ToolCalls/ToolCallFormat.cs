namespace Coppice.ToolCalls;

/// <summary>Whose way of calling tools it is.</summary>
internal enum ToolCallKind
{
    None,

    /// <summary>Hermes, Qwen: each call as JSON between two markers.</summary>
    Hermes,

    /// <summary>Mistral: a marker, then a list of calls to the end; or for each call its marker, its name, [ARGS] and the arguments.</summary>
    Mistral,

    /// <summary>Llama 3: the whole answer is a call, or what follows a marker; several are parted by ;.</summary>
    Llama,
}

/// <summary>How a model family writes calls.</summary>
/// <param name="Kind">The family.</param>
/// <param name="Open">The marker before a call.</param>
/// <param name="Close">The marker after it; null where the answer's end is the call's.</param>
internal sealed record ToolCallFormat(ToolCallKind Kind, string Open, string? Close)
{
    private const string Arguments = "[ARGS]";

    /// <summary>The format whose markers a chat template contains.</summary>
    public static ToolCallFormat Of(string template)
    {
        if (template.Contains("[TOOL_CALLS]", StringComparison.Ordinal)) return new(ToolCallKind.Mistral, "[TOOL_CALLS]", null);
        // Templates of the Coder models use the same outer marker around XML, which is not read here.
        if (template.Contains("<tool_call>", StringComparison.Ordinal) && !template.Contains("<function=", StringComparison.Ordinal)) return new(ToolCallKind.Hermes, "<tool_call>", "</tool_call>");
        if (template.Contains("<|python_tag|>", StringComparison.Ordinal) || (template.Contains("ipython", StringComparison.Ordinal) && template.Contains("\"parameters\"", StringComparison.Ordinal)))
            return new(ToolCallKind.Llama, "<|python_tag|>", null);
        return new(ToolCallKind.None, "", null);
    }

    /// <summary>Whether the format gives a token of this spelling a meaning.</summary>
    public bool IsMarker(string piece) => Kind != ToolCallKind.None && (piece == Open || piece == Close || (Kind == ToolCallKind.Mistral && piece == Arguments));

    /// <summary>Reads what lies between the markers. False, and nothing added: it is no call.</summary>
    public bool TryRead(ReadOnlySpan<char> inside, List<ToolCall> calls)
    {
        int before = calls.Count;
        bool read = Kind switch
        {
            ToolCallKind.Mistral when inside.TrimStart() is not ['[' or '{', ..] => TryReadNamed(inside, calls),
            ToolCallKind.Llama => TryReadParted(inside, calls),
            _ => ToolCallJson.TryRead(inside, calls),
        };
        if (!read) calls.RemoveRange(before, calls.Count - before);
        return read;
    }

    /// <summary>name[ARGS]{...}, and more of them after further markers.</summary>
    private bool TryReadNamed(ReadOnlySpan<char> inside, List<ToolCall> calls)
    {
        foreach (Range part in inside.Split(Open))
        {
            ReadOnlySpan<char> call = inside[part];
            int arguments = call.IndexOf(Arguments, StringComparison.Ordinal);
            if (arguments < 0 || !ToolCallJson.TryRead(call[..arguments].Trim().ToString(), call[(arguments + Arguments.Length)..], calls)) return false;
        }
        return true;
    }

    /// <summary>{...}; {...}: the semicolons are those outside texts and braces.</summary>
    private static bool TryReadParted(ReadOnlySpan<char> inside, List<ToolCall> calls)
    {
        int from = 0, depth = 0;
        bool inText = false;
        for (int i = 0; i <= inside.Length; i++)
        {
            if (i < inside.Length)
            {
                char c = inside[i];
                if (inText && c == '\\') i++;
                else if (c == '"') inText = !inText;
                else if (!inText && c is '{' or '[') depth++;
                else if (!inText && c is '}' or ']') depth--;
                if (inText || depth != 0 || c != ';') continue;
            }
            else if (inside[from..].Trim().IsEmpty && from > 0)
            {
                break;      // a semicolon after the last call
            }
            if (!ToolCallJson.TryRead(inside[from..Math.Min(i, inside.Length)], calls)) return false;
            from = i + 1;
        }
        return true;
    }
}
