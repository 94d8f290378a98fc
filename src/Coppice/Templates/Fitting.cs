namespace Coppice.Templates;

/// <summary>
/// Fits a conversation to a template by what was found out about it: a developer's message becomes the system's where the template does not know the role,
/// system messages at the beginning become one where it shows only one; what it would drop without a word is refused.
/// </summary>
internal static class Fitting
{
    private const string System = "system", Developer = "developer";

    /// <exception cref="InvalidRequestException">The template would drop a message, calls or tools.</exception>
    public static IReadOnlyList<ChatMessage> Fit(ChatTemplate template, IReadOnlyList<ChatMessage> messages, bool withTools)
    {
        TemplateFindings findings = template.Findings;
        if (withTools && findings.Tools == Fate.Dropped)
            throw new InvalidRequestException("tools: the model's chat template does not show tools to the model. Leave tools out, or use another template.");
        List<ChatMessage> fitted = [.. messages.Select((message, i) => IsMapped(findings, message, i) ? message with { Role = System } : message)];
        int leading = fitted.TakeWhile(message => message.Role == System).Count();
        bool isMerged = leading > 1 && findings is { System: Fate.Shown, LaterSystem: Fate.Dropped or Fate.Refused } && fitted.Take(leading).All(message => message.Content is not null);
        for (int i = isMerged ? leading : 0; i < fitted.Count; i++) Check(template, findings, messages[i].Role, fitted[i], i);
        if (!isMerged) return fitted;
        return [new ChatMessage(System, string.Join("\n\n", fitted.Take(leading).Select(message => message.Content))), .. fitted.Skip(leading)];
    }

    private static bool IsMapped(TemplateFindings findings, ChatMessage message, int place) =>
        message.Role == Developer && findings.System == Fate.Shown && (place == 0 ? findings.Developer : findings.LaterDeveloper) is Fate.Dropped or Fate.Refused;

    private static void Check(ChatTemplate template, TemplateFindings findings, string role, ChatMessage fitted, int place)
    {
        Fate fate = fitted.Role switch
        {
            System => place == 0 ? findings.System : findings.LaterSystem,
            Developer => place == 0 ? findings.Developer : findings.LaterDeveloper,
            "user" => Fate.Shown,
            "assistant" => findings.Assistant,
            "tool" => findings.ToolResults,
            _ => template.Mentions(fitted.Role) ? Fate.Unknown : findings.OtherRoles,
        };
        if (fate == Fate.Dropped)
        {
            string where = fitted.Role is System or Developer && place > 0 ? " at this place" : "";
            throw new InvalidRequestException($"messages[{place}] has the role '{Short(role)}', which the model's chat template leaves out{where} without a word. It shows the roles: {string.Join(", ", findings.Roles)}. Use one of them, or another template.");
        }
        if (!fitted.HasCalls) return;
        if (findings.ToolCalls == Fate.Dropped)
            throw new InvalidRequestException($"messages[{place}] has tool_calls, which the model's chat template leaves out without a word. Write the call into content, or use another template.");
        if (findings.CallsWithoutContent && fitted.Content is not (null or ""))
            throw new InvalidRequestException($"messages[{place}] has both content and tool_calls; the model's chat template leaves out the calls of a message with content. Leave one of them out, or use another template.");
    }

    /// <summary>A role as errors show it.</summary>
    public static string Short(string role) => role.Length <= 60 ? role : role[..60] + "…";
}
