using System.Collections.Concurrent;
using System.Text.Json;
using Coppice.KvCache;
using Coppice.Server.Access;
using Coppice.Server.Wire;
using Microsoft.AspNetCore.Http;

namespace Coppice.Server.Serving;

/// <summary>
/// GET /v1/coppice/tree: the prefix tree as the caller may see it, and what the engine does. A caller sees the partitions that its own
/// requests use and nothing of the others; texts show only where nobody else's can be among them.
/// </summary>
internal sealed class TreeEndpoint(ServedModel model, Callers callers, Admission admission, ServerOptions options, TimeProvider time)
{
    /// <summary>Most characters of a node's text.</summary>
    private const int TextCharacters = 80;

    // Whoever asks more often gets the same look again, so that no client can hold up the steps.
    private static readonly TimeSpan s_fresh = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<string, (long Taken, Task<TreeSnapshot> Tree)> _looks = new(StringComparer.Ordinal);

    public async Task TreeAsync(HttpContext context)
    {
        Caller caller = callers.Of(context.Request);
        TreeSnapshot tree = await LookAsync(caller).WaitAsync(context.RequestAborted);
        EngineMetrics metrics = model.Engine.Metrics;
        context.Response.Headers.CacheControl = "no-store";
        await Respond.JsonAsync(context, json =>
        {
            json.WriteString("object", "coppice.tree");
            json.WriteNumber("time", time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0);
            WriteModel(json);
            WriteEngine(json, metrics);
            WriteSharing(json, metrics.Sharing);
            WriteTree(json, tree, caller, ShowsText(caller));
        });
    }

    /// <summary>Whether a caller's part of the cache holds nobody else's texts.</summary>
    private bool ShowsText(Caller caller) => caller.Partition is not null || (options.Keys.Count <= 1 && !(options.Keys.Count == 0 && options.AllowAnybody));

    private Task<TreeSnapshot> LookAsync(Caller caller)
    {
        long now = time.GetTimestamp();
        (long taken, Task<TreeSnapshot> tree) = _looks.GetValueOrDefault(caller.Name);
        if (tree is not null && !tree.IsFaulted && (!tree.IsCompleted || time.GetElapsedTime(taken, now) < s_fresh)) return tree;
        tree = model.Engine.LookAtTreeAsync(caller.Owns);
        _looks[caller.Name] = (now, tree);
        return tree;
    }

    private void WriteModel(Utf8JsonWriter json)
    {
        json.WriteStartObject("model");
        json.WriteString("id", model.Name);
        json.WriteNumber("max_model_len", model.MaxContextTokens);
        json.WriteBoolean("chat", model.HasChat);
        json.WriteString("attention", model.Engine.Options.Attention.ToString().ToLowerInvariant());
        json.WriteNumber("max_samples", options.Limits.Samples);
        json.WriteNumber("max_logprobs", options.Limits.LogProbs);
        json.WriteEndObject();
    }

    private void WriteEngine(Utf8JsonWriter json, EngineMetrics metrics)
    {
        json.WriteStartObject("engine");
        json.WriteNumber("samples_running", metrics.RunningSamples);
        json.WriteNumber("samples_waiting", metrics.WaitingSamples);
        json.WriteNumber("samples_admitted", admission.Samples);
        json.WriteNumber("steps", metrics.Steps);
        json.WriteNumber("prompt_tokens", metrics.PromptTokens);
        json.WriteNumber("computed_prompt_tokens", metrics.ComputedPromptTokens);
        json.WriteNumber("found_prompt_tokens", metrics.CachedPromptTokens + metrics.SharedPromptTokens);
        json.WriteNumber("generated_tokens", metrics.GeneratedTokens);
        json.WriteNumber("kv_bytes_limit", metrics.KvBytesLimit);
        json.WriteNumber("kv_bytes_held", metrics.KvBytesHeld);
        json.WriteNumber("kv_bytes_cached", metrics.KvBytesCached);
        json.WriteNumber("kv_bytes_evicted", metrics.KvBytesEvicted);
        json.WriteNumber("kv_bytes_read", metrics.KvBytesRead);
        json.WriteNumber("kv_bytes_saved", metrics.KvBytesReadPerSequence - metrics.KvBytesRead);
        json.WriteEndObject();
    }

    private static void WriteSharing(Utf8JsonWriter json, SharingMetrics sharing)
    {
        json.WriteStartObject("sharing");
        json.WriteStartArray("levels");
        foreach (LevelTraffic level in sharing.Levels)
        {
            json.WriteStartObject();
            json.WriteNumber("level", level.Level);
            json.WriteNumber("bytes_read", level.BytesRead);
            json.WriteNumber("bytes_saved", level.BytesSaved);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("rows_per_read");
        foreach (RowsTraffic rows in sharing.RowsPerRead)
        {
            json.WriteStartObject();
            json.WriteString("rows", SharingNames.Of(rows));
            json.WriteNumber("bytes_read", rows.BytesRead);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartObject("not_shared");
        foreach ((NotShared reason, long bytes) in sharing.NotShared) json.WriteNumber(SharingNames.Of(reason), bytes);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private void WriteTree(Utf8JsonWriter json, TreeSnapshot tree, Caller caller, bool texts)
    {
        json.WriteStartObject("tree");
        json.WriteNumber("page_tokens", KvLayout.PageTokens);
        json.WriteNumber("other_partitions", tree.OtherPartitions);
        json.WriteStartArray("partitions");
        foreach (TreePartition partition in tree.Partitions)
        {
            json.WriteStartObject();
            json.WriteString("cache_salt", texts ? caller.CacheSalt(partition.Salt) : null);
            json.WriteNumber("rows", partition.Rows);
            json.WriteNumber("rows_outside", partition.RowsOutside);
            json.WriteNumber("evicted_pages", partition.EvictedPages);
            json.WriteNumber("hidden", partition.Hidden);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("nodes");
        for (int i = 0; i < tree.Nodes.Count; i++) WriteNode(json, tree, tree.Nodes[i], texts);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void WriteNode(Utf8JsonWriter json, TreeSnapshot tree, TreeNode node, bool texts)
    {
        json.WriteStartObject();
        json.WriteNumber("id", node.Id);
        if (node.Parent is int parent) json.WriteNumber("parent", tree.Nodes[parent].Id);
        else json.WriteNull("parent");
        json.WriteNumber("partition", node.Partition);
        json.WriteNumber("first_token", node.FirstToken);
        json.WriteNumber("tokens", node.Pages * KvLayout.PageTokens);
        json.WriteNumber("pages", node.Pages);
        json.WriteNumber("rows", node.Rows);
        json.WriteNumber("ends", node.Ends);
        json.WriteNumber("end_tokens", node.EndTokens);
        json.WriteNumber("hits", node.Hits);
        json.WriteBoolean("pinned", node.Pinned);
        json.WriteNumber("evicted_pages", node.EvictedPages);
        json.WriteNumber("idle_seconds", Math.Round(node.IdleFor.TotalSeconds, 1));
        json.WriteNumber("pages_read", node.PagesRead);
        json.WriteString("reading", SharingNames.Of(node.Reading));
        json.WriteNumber("same_beginning_elsewhere", node.Parent is null ? tree.Nodes.Count(other => other.Parent is null && other.Partition != node.Partition && other.Beginning.AsSpan().SequenceEqual(node.Beginning)) : 0);
        json.WriteNumber("hidden", node.Hidden);
        if (texts) json.WriteString("text", Shortened(model.Tokenizer.Decode(node.Beginning)));
        else json.WriteNull("text");
        json.WriteEndObject();
    }

    private static string Shortened(string text) => text.Length <= TextCharacters ? text : text[..(char.IsHighSurrogate(text[TextCharacters - 1]) ? TextCharacters - 1 : TextCharacters)];
}
