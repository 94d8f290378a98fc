using Coppice.Cli;
using Coppice.Cli.BatchFiles;
using Coppice.Cli.Scoring;

namespace Coppice.Fuzz.Targets;

/// <summary>A file of the command line: as lines of `coppice run`, as lines of `coppice score`, and as results that a run goes on behind.</summary>
internal static class LinesTarget
{
    public static FuzzTarget Target { get; } = new("lines", "Lines of run and score, and results to resume", Syntax.Json, folder =>
    {
        string results = Path.Combine(folder, "results.jsonl");
        return input =>
        {
            foreach (LineParser parser in (LineParser[])[new LineParser(), new LineParser(ScoreLine.Read, "id", "custom_id")])
            {
                using MemoryStream stream = new(input);
                _ = BatchFile.ReadAsync(stream, parser, CancellationToken.None).GetAwaiter().GetResult();
            }
            File.WriteAllBytes(results, input);
            using ResultLog log = ResultLog.ResumeAsync(results, _ => { }, CancellationToken.None).GetAwaiter().GetResult();
        };
    })
    {
        Refusals = [typeof(UsageException)],
        Words =
        [
            "\n", "\r\n", "\uFEFF", "{\"id\":\"batch_req_", "custom_id", "method", "url", "body", "expected", "prompt", "messages", "n", "best_of", "max_tokens", "min_tokens", "temperature", "top_p", "top_k", "stop", "stop_token_ids", "logit_bias", "logprobs", "top_logprobs", "seed",
            "grammar", "response_format", "json_schema", "schema", "type", "context", "continuations", "continuation", "answer", "cache_salt", "response", "status_code", "choices", "message", "content", "text", "error", "\"POST\"", "\"/v1/completions\"", "\"/v1/chat/completions\"",
            "{\"type\":\"json_object\"}", "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\",\"schema\":{}}}", "\"root ::= \\\"a\\\"\"", "[1,2,3]", "[\"a\",\"b\"]", "{\"1\":2}",
        ],
    };
}
