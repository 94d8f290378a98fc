namespace Coppice.Constraints;

/// <summary>What a constraint may take. All but the time are counts, so that the same input is refused on every machine.</summary>
internal static class ConstraintLimits
{
    /// <summary>Characters of a grammar, schema or pattern.</summary>
    public const int Characters = 256 * 1024;

    /// <summary>Brackets in brackets, schemas in schemas.</summary>
    public const int Nesting = 100;

    /// <summary>Schemas of a document that differ.</summary>
    public const int Schemas = 20_000;

    /// <summary>Kinds of objects or arrays that the alternatives of one schema multiply to.</summary>
    public const int Shapes = 2000;

    /// <summary>Alternatives of anyOf where unevaluatedProperties or unevaluatedItems ask for all that fit: each set of them is a kind.</summary>
    public const int UnevaluatedAlternatives = 8;

    /// <summary>Characters that minLength and maxLength count to.</summary>
    public const int Length = 65_536;

    /// <summary>Assertions of a schema that are named where they are not kept to.</summary>
    public const int Warnings = 20;

    /// <summary>Nodes of all expressions and automata that are made while a constraint is built.</summary>
    public const int Nodes = 400_000;

    /// <summary>Memory that is taken while a constraint is built, about.</summary>
    public const long BuildBytes = 24 << 20;

    /// <summary>Steps in which a constraint is built; they take about half a second.</summary>
    public const long BuildSteps = 15_000_000;

    /// <summary>Time in which a constraint is built: what the counts do not see ends here.</summary>
    public static readonly TimeSpan BuildTime = TimeSpan.FromSeconds(1);

    /// <summary>Most times that a schema may count to where it counts what is large, as items.</summary>
    public const int Repetitions = 10_000;

    /// <summary>Most times that a repetition of a pattern or grammar may count to.</summary>
    public const int Counts = 1_000_000;

    /// <summary>Rules called in rules while text is made; JSON nests so deep.</summary>
    public const int Depth = 62;

    /// <summary>Places of the grammar looked at for one byte in one state.</summary>
    public const int Places = 4096;

    /// <summary>Places looked at for one mask, each step from a state counted once; they take some 50 ms.</summary>
    public const int MaskWork = 400_000;

    /// <summary>Memory of one constraint's states and masks. Beyond it they are forgotten, and found again when needed.</summary>
    public const long StateBytes = 16 << 20;

    /// <summary>Constraints whose states an engine keeps.</summary>
    public const int Cached = 16;

    public static void CheckLength(string what, string text)
    {
        if (text.Length > Characters) throw new InvalidRequestException($"The {what} has {text.Length} characters; it may have at most {Characters}. Shorten it.");
    }
}
