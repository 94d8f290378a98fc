namespace Coppice.Fuzz;

/// <summary>What the bytes of a target look like, which decides how they are changed.</summary>
internal enum Syntax
{
    /// <summary>Numbers of 32 and 64 bits, and texts with their lengths before them.</summary>
    Binary,

    /// <summary>Words and brackets.</summary>
    Text,

    /// <summary>Text that holds a JSON value, maybe behind a line of something else.</summary>
    Json,
}

/// <summary>A reader of foreign bytes. Whatever it is given, it reads it or refuses it with one of <see cref="Refusals"/>.</summary>
/// <param name="Name">As the command line and the corpus folder call it.</param>
/// <param name="Reads">What it reads, for people.</param>
/// <param name="Syntax">Of its bytes.</param>
/// <param name="Open">Makes the reader, given an empty folder of its own.</param>
internal sealed record FuzzTarget(string Name, string Reads, Syntax Syntax, Func<string, Action<byte[]>> Open)
{
    /// <summary>What the reader may throw; its documentation says so.</summary>
    public required IReadOnlyList<Type> Refusals { get; init; }

    /// <summary>Words of the format, put in as they are. For JSON: whole values and names, told apart by their first character.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];

    /// <summary>Brackets of the format, nested around what is there.</summary>
    public IReadOnlyList<(string Open, string Close)> Nests { get; init; } = [];

    /// <summary>Files below shared/ beside the repository that are read as seeds where they are.</summary>
    public IReadOnlyList<string> SharedSeeds { get; init; } = [];

    /// <summary>Inputs to begin with: the target's folder of the corpus, and shared files.</summary>
    public IEnumerable<byte[]> Seeds()
    {
        string corpus = Path.Combine(AppContext.BaseDirectory, "Corpus", Name);
        IEnumerable<string> files = Directory.EnumerateFiles(corpus).Order(StringComparer.Ordinal);
        if (SharedFolder is { } shared)
            files = files.Concat(SharedSeeds.Select(pattern => Path.Combine(shared, pattern)).Where(path => Directory.Exists(Path.GetDirectoryName(path)))
                .SelectMany(path => Directory.EnumerateFiles(Path.GetDirectoryName(path)!, Path.GetFileName(path)).Order(StringComparer.Ordinal)));
        return files.Where(file => new FileInfo(file).Length <= MostSeedBytes).Select(File.ReadAllBytes);
    }

    private const int MostSeedBytes = 1 << 16;

    private static string? SharedFolder
    {
        get
        {
            string? folder = AppContext.BaseDirectory;
            while (folder is not null && !File.Exists(Path.Combine(folder, "Coppice.slnx"))) folder = Path.GetDirectoryName(folder);
            return folder is not null && Path.Combine(folder, "..", "shared") is var shared && Directory.Exists(shared) ? shared : null;
        }
    }
}
