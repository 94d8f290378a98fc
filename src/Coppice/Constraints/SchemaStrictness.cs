namespace Coppice;

/// <summary>What becomes of assertions of a JSON Schema that cannot be kept to.</summary>
public enum SchemaStrictness
{
    /// <summary>The schema is refused.</summary>
    Strict,

    /// <summary>They are left out, and <see cref="OutputConstraint.Warnings"/> names them: answers may break them.</summary>
    BestEffort,
}
