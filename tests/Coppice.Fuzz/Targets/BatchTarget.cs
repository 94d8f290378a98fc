using Coppice.Server;
using Coppice.Server.Batches;
using Coppice.Server.Serving;
using Microsoft.Extensions.Logging.Abstractions;

namespace Coppice.Fuzz.Targets;

/// <summary>What a server finds in its data folder: the lines of a batch, documents of files and batches, results to go on behind, and the journal of lines begun.</summary>
internal static class BatchTarget
{
    private static readonly ServerLimits s_limits = new();

    public static FuzzTarget Target { get; } = new("batch", "Lines of batches, and documents of the server's data folder", Syntax.Json, folder =>
    {
        string data = Path.Combine(folder, "data"), lines = Path.Combine(folder, "lines.jsonl"), results = Path.Combine(folder, "results.jsonl"), journal = Path.Combine(folder, "begun");
        Directory.CreateDirectory(data);
        return input =>
        {
            File.WriteAllBytes(lines, input);
            File.WriteAllBytes(results, input);
            File.WriteAllBytes(journal, input);
            Directory.Delete(data, recursive: true);        // what was put aside before
            foreach (string kind in (string[])["files", "batches"]) File.WriteAllBytes(Path.Combine(Directory.CreateDirectory(Path.Combine(data, kind)).FullName, "1.json"), input);
            foreach (string endpoint in (string[])["/v1/completions", GenerationEndpoint.ChatPath, EmbeddingEndpoint.Path]) _ = Ended(BatchInput.OpenAsync(lines, endpoint, s_limits, new HashSet<UInt128>(), [], CancellationToken.None));
            using DataFolder documents = new(data, NullLogger.Instance);
            _ = new FileStore(documents, TimeProvider.System);
            _ = new BatchStore(documents);
            Ended(ResultFile.OpenAsync(results, new HashSet<UInt128>())).Dispose();
            using LineJournal begun = new(journal);
        };
    })
    {
        Refusals = [],      // what is wrong is named in the log and put aside
        Words =
        [
            "\n", "begin a\n", "end a\n", "pause a\n", "suspect a\n", "crashed a\n", "boot a\n", "stop\n", "custom_id", "method", "url", "body", "\"POST\"", "\"/v1/completions\"", "\"/v1/chat/completions\"", "\"/v1/embeddings\"", "Owner", "Value", "owner", "value", "id", "bytes", "created_at", "filename", "purpose", "endpoint", "input_file_id", "completion_window",
            "status", "errors", "data", "line", "request_counts", "total", "metadata", "output_file_id", "\"validating\"", "\"in_progress\"", "\"completed\"",
        ],
    };

    private static T Ended<T>(Task<T> task) => task.GetAwaiter().GetResult();
}
