using Coppice.Server.Batches;
using Coppice.Server.Serving;

namespace Coppice.Fuzz.Targets;

/// <summary>What a server finds in its data folder: the lines of a batch, documents of files and batches, and results to go on behind.</summary>
internal static class BatchTarget
{
    public static FuzzTarget Target { get; } = new("batch", "Lines of batches, and documents of the server's data folder", Syntax.Json, folder =>
    {
        string data = Path.Combine(folder, "data"), lines = Path.Combine(folder, "lines.jsonl"), results = Path.Combine(folder, "results.jsonl");
        foreach (string kind in (string[])["files", "batches"]) Directory.CreateDirectory(Path.Combine(data, kind));
        return input =>
        {
            File.WriteAllBytes(lines, input);
            File.WriteAllBytes(results, input);
            File.WriteAllBytes(Path.Combine(data, "files", "file-1.json"), input);
            File.WriteAllBytes(Path.Combine(data, "batches", "batch-1.json"), input);
            foreach (string endpoint in (string[])["/v1/completions", GenerationEndpoint.ChatPath, EmbeddingEndpoint.Path]) _ = BatchInput.Read(lines, endpoint, []);
            using DataFolder documents = new(data);
            _ = new FileStore(documents, TimeProvider.System).Of(null!);
            _ = new BatchStore(documents).All.Count();
            using ResultFile file = new(results, new HashSet<string>(StringComparer.Ordinal));
        };
    })
    {
        Refusals = [typeof(IOException)],
        Words =
        [
            "\n", "custom_id", "method", "url", "body", "\"POST\"", "\"/v1/completions\"", "\"/v1/chat/completions\"", "\"/v1/embeddings\"", "Owner", "Value", "owner", "value", "id", "bytes", "created_at", "filename", "purpose", "endpoint", "input_file_id", "completion_window",
            "status", "errors", "data", "line", "request_counts", "total", "metadata", "output_file_id", "\"validating\"", "\"in_progress\"", "\"completed\"",
        ],
    };
}
