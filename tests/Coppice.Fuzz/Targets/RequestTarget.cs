using System.Text;
using System.Text.Json;
using Coppice.Server;
using Coppice.Server.Access;
using Coppice.Server.Batches;
using Coppice.Server.Prefixes;
using Coppice.Server.Serving;
using Coppice.Server.Wire;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Coppice.Fuzz.Targets;

/// <summary>
/// A POST request: a line with the path and maybe a content type, then the body. It is read and checked as far as the engine; chats by the template that the path
/// names behind a question mark.
/// </summary>
internal static class RequestTarget
{
    private const string Completions = "/v1/completions";

    public static FuzzTarget Target { get; } = new("request", "Bodies of requests", Syntax.Json, folder =>
    {
        Server server = new(folder);
        return input =>
        {
            int end = Math.Max(0, input.AsSpan().IndexOf((byte)'\n'));
            string[] head = Encoding.UTF8.GetString(input.AsSpan(0, end)).Split(' ', 2);
            DefaultHttpContext context = new();
            context.Request.Method = "POST";
            context.Request.ContentType = head.Length > 1 ? head[1] : "application/json";
            context.Request.Body = new MemoryStream(input[Math.Min(input.Length, end + 1)..]);
            server.AnswerAsync(head[0], context).GetAwaiter().GetResult();
        };
    })
    {
        Refusals = [typeof(ApiException), typeof(InvalidRequestException), typeof(ChatTemplateException), typeof(ContextTooLongException)],
        Words =
        [
            Completions + "\n", "/v1/chat/completions?hermes\n", "/v1/chat/completions?mistral\n", "/v1/chat/completions?llama\n", "/v1/embeddings\n", "/tokenize\n", "/detokenize\n", "/v1/prefixes\n", "/v1/batches\n",
            "/v1/files multipart/form-data; boundary=x\n", "--x\r\n", "--x--", "Content-Disposition: form-data; name=\"purpose\"\r\n\r\n", "; filename*=UTF-8''%41", "\r\n",
            "prompt", "model", "n", "best_of", "max_tokens", "min_tokens", "temperature", "top_p", "top_k", "min_p", "logprobs", "top_logprobs", "echo", "stop", "stop_token_ids", "logit_bias", "seed", "stream", "stream_options", "include_usage",
            "response_format", "json_schema", "schema", "strict", "grammar", "cache_salt", "prefix", "priority", "messages", "role", "content", "tools", "function", "parameters", "name", "tool_choice", "parallel_tool_calls", "tool_calls",
            "arguments", "tool_call_id", "reasoning_content", "chat_template_kwargs", "max_completion_tokens", "input", "encoding_format", "dimensions", "pooling", "tokens", "text", "type", "ttl_seconds", "public", "metadata", "input_file_id", "endpoint",
            "\"user\"", "\"assistant\"", "\"tool\"", "\"developer\"", "\"required\"", "\"auto\"", "\"base64\"", "[[1,2],[3]]", "[\"a\",\"b\"]", "{\"type\":\"json_object\"}", "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\",\"schema\":{\"type\":\"object\"}}}",
            "[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}}}}}]", "{\"type\":\"function\",\"function\":{\"name\":\"f\"}}", "\"root ::= \\\"a\\\"\"", "{\"1\":-100}",
        ],
    };

    /// <summary>The parts of a server that read requests, wired as the server wires them.</summary>
    private sealed class Server
    {
        // Prefixes are read and refused: pinning one is the engine's work.
        private static readonly ServerLimits s_limits = new() { PinnedTokensPerKey = 0 };

        private readonly Dictionary<string, (ServedModel Model, Preparation Preparation)> _chats = new(StringComparer.Ordinal);
        private readonly BodyFields<GenerationBody> _completionFields = GenerationFields.Completions(s_limits), _chatFields = GenerationFields.Chat(s_limits);
        private readonly EmbeddingEndpoint _embeddings;
        private readonly TokenEndpoints _tokens;
        private readonly Dictionary<string, Func<HttpContext, Task>> _operations = new(StringComparer.Ordinal);
        private readonly FileStore _files;
        private readonly Caller _caller;

        public Server(string folder)
        {
            Engine engine = Engine.Open(Reading.SampleModel, new EngineOptions { Threads = 1, KvBytes = 16 << 20 });
            TimeProvider time = TimeProvider.System;
            Callers callers = new(new ServerOptions(), time);
            _caller = callers.Named("")!;
            Admission admission = new(s_limits, engine.Options.MaxBatch);
            PreparationQueue queue = new();
            foreach (string file in Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Corpus", "template"), "chat-*.jinja"))
            {
                ServedModel one = new(engine, "sample", ChatTemplates.FromFile(file), time);
                _chats[Path.GetFileNameWithoutExtension(file)["chat-".Length..]] = (one, new Preparation(one, s_limits, queue, new ConstraintStore(queue, time)));
            }
            (ServedModel model, Preparation preparation) = _chats["plain"];
            _embeddings = new EmbeddingEndpoint(model, s_limits, callers, admission, preparation, CancellationToken.None);
            _tokens = new TokenEndpoints(model, s_limits, callers, preparation);
            DataFolder data = new(folder, NullLogger.Instance);
            LineJournal journal = new(null);
            LineRunner lines = new(journal, (_, root, caller) => _embeddings.ReadLine(root, caller), admission, engine.Options.MaxBatch, time, NullLogger.Instance);
            _files = new FileStore(data, time);
            BatchStore batches = new(data);
            BatchRunner runner = new(batches, _files, data, lines, journal, callers, s_limits, time, NullLogger.Instance);
            foreach (ApiOperation operation in (IEnumerable<ApiOperation>)[.. new PrefixEndpoints(new PrefixStore(model, s_limits, time), model, s_limits, callers, admission, preparation).Operations(), .. new BatchEndpoints(_files, batches, runner, callers, s_limits, time).Operations()])
                if (operation.Method == "POST" && !operation.Path.Contains('{')) _operations[operation.Path] = operation.Handler;
        }

        public async Task AnswerAsync(string path, HttpContext context)
        {
            string[] parts = path.Split('?', 2);
            if (parts[0] == "/tokenize") await _tokens.TokenizeAsync(context);
            else if (parts[0] == "/detokenize") await _tokens.DetokenizeAsync(context);
            else if (_operations.TryGetValue(parts[0], out Func<HttpContext, Task>? operation)) await operation(context);
            else await ReadAsync(parts[0], parts.Length > 1 ? parts[1] : "", context);
            foreach (StoredFile file in _files.Of(_caller).ToArray()) _files.Delete(_caller, file.Id);
        }

        private async Task ReadAsync(string path, string template, HttpContext context)
        {
            using JsonDocument document = await RequestBody.ReadAsync(context.Request, s_limits.BodyBytes);
            Field root = new("The body", document.RootElement);
            if (path == EmbeddingEndpoint.Path)
            {
                _ = _embeddings.ReadLine(root, _caller);
                return;
            }
            bool isChat = path == GenerationEndpoint.ChatPath;
            GenerationBody body = (isChat ? _chatFields : _completionFields).Read(root);
            (ServedModel model, Preparation preparation) = _chats.GetValueOrDefault(template, _chats["plain"]);
            GenerationRequest request = isChat ? GenerationRequest.OfChat(model, body, null) : GenerationRequest.OfCompletion(model, body, null);
            _ = await preparation.PrepareAsync(request, _caller, Urgency.Awaited, CancellationToken.None);
        }
    }
}
