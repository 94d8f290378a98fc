namespace Coppice.Tests;

/// <summary>Where the test files are. Some of them lie beside the repository and are missing in a plain clone: those tests are skipped.</summary>
internal static class TestData
{
    public static string Root { get; } = FindRoot();

    /// <summary>The model that ships with the repository.</summary>
    public static string SampleModel { get; } = Path.Combine(Root, "models", "sample");

    /// <summary>A file below shared/ beside the repository.</summary>
    public static string Shared(string path) => Path.Combine(Root, "..", "shared", path);

    public static bool HasShared { get; } = Directory.Exists(Shared("testdata"));

    private static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Coppice.slnx"))) folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException($"No Coppice.slnx above {AppContext.BaseDirectory}.");
    }
}

/// <summary>A test that reads files beside the repository and is skipped, visibly, where they are missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SharedFactAttribute : FactAttribute
{
    public SharedFactAttribute() => Skip = TestData.HasShared ? null : "../shared/testdata is not there.";
}

/// <inheritdoc cref="SharedFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SharedTheoryAttribute : TheoryAttribute
{
    public SharedTheoryAttribute() => Skip = TestData.HasShared ? null : "../shared/testdata is not there.";
}
