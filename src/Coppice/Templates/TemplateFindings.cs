namespace Coppice.Templates;

/// <summary>What a template does with a kind of message or field.</summary>
internal enum Fate
{
    /// <summary>It could not be found out.</summary>
    Unknown,
    Shown,

    /// <summary>It does not come out, and nothing is said.</summary>
    Dropped,

    /// <summary>The template fails.</summary>
    Refused,
}

/// <summary>What <see cref="TemplateProbe"/> found out about a template.</summary>
internal sealed record TemplateFindings
{
    /// <summary>Nothing is known, so nothing is changed and nothing refused.</summary>
    public static TemplateFindings Nothing { get; } = new();

    /// <summary>A content that is one text is dropped; a list of parts is not.</summary>
    public bool TakesPartsOnly { get; init; }

    /// <summary>The arguments of a call are to be a text of JSON, not a dict.</summary>
    public bool ArgumentsAsText { get; init; }

    /// <summary>Calls are shown only where the content is None.</summary>
    public bool CallsWithoutContent { get; init; }

    public Fate System { get; init; }

    /// <summary>A second system message, behind the first answer.</summary>
    public Fate LaterSystem { get; init; }

    public Fate Developer { get; init; }

    /// <summary>A second developer message, behind the first answer.</summary>
    public Fate LaterDeveloper { get; init; }

    public Fate Assistant { get; init; }

    /// <summary>A role that no template knows.</summary>
    public Fate OtherRoles { get; init; }

    /// <summary>Definitions of tools.</summary>
    public Fate Tools { get; init; }

    public Fate ToolCalls { get; init; }

    /// <summary>Messages of the role tool.</summary>
    public Fate ToolResults { get; init; }

    /// <summary>reasoning_content of the answer in progress.</summary>
    public Fate Reasoning { get; init; }

    /// <summary>name of a user's message.</summary>
    public Fate Names { get; init; }

    /// <summary>The roles that come out.</summary>
    public IEnumerable<string> Roles
    {
        get
        {
            if (System == Fate.Shown) yield return "system";
            if (Developer == Fate.Shown) yield return "developer";
            yield return "user";
            if (Assistant == Fate.Shown) yield return "assistant";
            if (ToolResults == Fate.Shown) yield return "tool";
        }
    }
}
