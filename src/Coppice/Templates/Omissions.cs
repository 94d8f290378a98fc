namespace Coppice.Templates;

/// <summary>
/// Refuses a conversation of which the template leaves a part out without a word. Whether a template shows a message can depend on the messages around it,
/// so the prompt itself is looked at. What is not found there is suspected only: a template may change a text. A second rendering, with a mark in its place, decides.
/// </summary>
internal static class Omissions
{
    // Bounds on what a conversation can cost. The beginning of a text is trace enough, and a long one could be made to be slow to look for.
    private const int MostSuspects = 8, Beginning = 200;

    /// <summary>Renders the first messages of the conversation, each passed through a change of its form.</summary>
    public delegate string ChangedRendering(int count, Action<int, Map> change);

    private readonly record struct Suspect(int Place, bool IsCalls)
    {
        public string Mark => $"zuqa{Place}{(IsCalls ? 'c' : 't')}z";
    }

    /// <param name="messages">The conversation as it was rendered.</param>
    /// <param name="merged">How many messages at the beginning were merged into the first.</param>
    /// <param name="prompt">What it was rendered to.</param>
    /// <param name="render">Renders it again.</param>
    /// <exception cref="InvalidRequestException">The template leaves out the content or the calls of a message.</exception>
    public static void Refuse(IReadOnlyList<ChatMessage> messages, int merged, string prompt, ChangedRendering render)
    {
        List<Suspect> suspects = Suspects(messages, prompt);
        if (suspects.Count == 0) return;
        bool dropsOldThoughts = false;
        foreach (Suspect suspect in Unmarked(suspects, messages.Count, render))
        {
            ChatMessage message = messages[suspect.Place];
            bool mayBeThought = message.Role == "assistant" && !suspect.IsCalls;
            if (mayBeThought && dropsOldThoughts) continue;
            if (suspects.Count > 1 && Unmarked([suspect], messages.Count, render).Count == 0) continue;
            // What an assistant says on the way to its answer is a thought to some templates: they show it until the answer is there.
            if (mayBeThought && suspect.Place + 1 < messages.Count && IsShownAtTheEnd(suspect, render))
            {
                dropsOldThoughts = true;
                continue;
            }
            throw new InvalidRequestException($"messages[{(suspect.Place == 0 ? 0 : suspect.Place + merged)}] {Reason(message, suspect.IsCalls)}, or use another template.");
        }
    }

    // Each message is looked for behind the one before it; system messages stand where a template likes.
    private static List<Suspect> Suspects(IReadOnlyList<ChatMessage> messages, string prompt)
    {
        List<Suspect> suspects = [];
        int from = 0;
        for (int i = 0; i < messages.Count && suspects.Count < MostSuspects; i++)
        {
            ChatMessage message = messages[i];
            int begin = message.Role == "system" ? 0 : from;
            if (message.HasCalls && !message.CalledNames.Any(name => prompt.AsSpan(begin).Contains(name, StringComparison.Ordinal))) suspects.Add(new Suspect(i, IsCalls: true));
            if (string.IsNullOrWhiteSpace(message.Content)) continue;
            int end = EndOf(message.Content, prompt, begin);
            if (end < 0) suspects.Add(new Suspect(i, IsCalls: false));
            else if (message.Role != "system") from = end;
        }
        return suspects;
    }

    // As it is, or as tojson writes it. -1: nowhere.
    private static int EndOf(string content, string prompt, int from)
    {
        string text = content.Trim();
        if (text.Length > Beginning) text = text[..Beginning].TrimEnd();
        foreach (string written in new[] { text, JsonText.Plain.Quoted(text)[1..^1] })
            if (prompt.IndexOf(written, from, StringComparison.Ordinal) is >= 0 and int at) return at + written.Length;
        return -1;
    }

    private static List<Suspect> Unmarked(List<Suspect> suspects, int count, ChangedRendering render)
    {
        try
        {
            string prompt = Marked(suspects, count, render);
            return suspects.FindAll(suspect => !prompt.Contains(suspect.Mark, StringComparison.OrdinalIgnoreCase));
        }
        catch (ChatTemplateException)
        {
            // The template wants a text of some form there, so it reads it.
            return [];
        }
    }

    private static bool IsShownAtTheEnd(Suspect suspect, ChangedRendering render)
    {
        try
        {
            return Marked([suspect], suspect.Place + 1, render).Contains(suspect.Mark, StringComparison.OrdinalIgnoreCase);
        }
        catch (ChatTemplateException)
        {
            return false;
        }
    }

    private static string Marked(List<Suspect> suspects, int count, ChangedRendering render) => render(count, (place, message) =>
    {
        foreach (Suspect suspect in suspects)
        {
            if (suspect.Place != place) continue;
            if (suspect.IsCalls) MessageForm.MarkCalls(message, suspect.Mark);
            else message["content"] = message.TryGet("content", out object? content) && content is Sequence ? MessageForm.Parts(suspect.Mark) : suspect.Mark;
        }
    });

    private static string Reason(ChatMessage message, bool isCalls)
    {
        const string Left = "which the model's chat template leaves out at this place without a word";
        if (isCalls) return $"has tool_calls, {Left}. Let the tool's answer follow, write the call into content";
        return message.Role switch
        {
            "tool" => $"has the role 'tool' and content, {Left}. Put it behind the message whose tool_calls it answers",
            _ when message.HasCalls => $"has content beside tool_calls, {Left}. Leave the content out or send it as a message of its own",
            _ => $"has the role '{Fitting.Short(message.Role)}' and content, {Left}. Use another role or another place",
        };
    }
}
