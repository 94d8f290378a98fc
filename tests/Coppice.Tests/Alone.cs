namespace Coppice.Tests;

/// <summary>For tests that measure the whole process: they run when all others are done, one at a time. Use [Collection(Alone.Name)].</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone
{
    /// <summary>The collection's name.</summary>
    public const string Name = "alone";
}
