using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Coppice.Load;

/// <summary>What a load consists of.</summary>
internal sealed record LoadPlan(int Streams, TimeSpan Time, int PrefixTokens, int MaxTokens, double LeaveShare, double BadShare);

/// <summary>Runs a load and prints what it found.</summary>
internal static class Load
{
    private const int Questions = 64;

    private static readonly string[] s_bad = ["{", """{"prompt":7}""", """{"prompt":"a","n":0}""", """{"prompt":"a","unknown":1}""", """{"prompt":[1,999999999]}"""];

    /// <returns>Whether every answer was the one that the same request has alone.</returns>
    public static async Task<bool> RunAsync(Uri server, string? key, LoadPlan plan, CancellationToken cancellation)
    {
        using HttpClient client = new(new SocketsHttpHandler { MaxConnectionsPerServer = plan.Streams + 8 }) { BaseAddress = server, Timeout = Timeout.InfiniteTimeSpan };
        if (key is not null) client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        string system = await PrefixAsync(client, plan.PrefixTokens);
        string[] bodies = [.. Enumerable.Range(0, Questions).Select(i => JsonSerializer.Serialize(new { prompt = $"{system}\n\nQuestion: What is the code for town {i}?\nAnswer:", max_tokens = plan.MaxTokens, seed = i, stream = true, ignore_eos = true }))];
        Console.WriteLine($"{Questions} requests alone, for their answers ...");
        string[] alone = new string[Questions];
        for (int i = 0; i < Questions; i++) alone[i] = await AnswerAsync(client, bodies[i], null, null, cancellation) ?? throw new InvalidOperationException("A request that ran alone did not end.");

        Console.WriteLine($"{plan.Streams} streams for {plan.Time.TotalSeconds:0} s ...");
        Tally tally = new();
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, plan.Streams).Select(async stream =>
        {
            Random random = new(stream);
            while (Stopwatch.GetElapsedTime(start) < plan.Time && !cancellation.IsCancellationRequested) await OneAsync(random);
        }));
        tally.Print(Stopwatch.GetElapsedTime(start));
        return tally.Right > 0 && tally.Wrong == 0 && tally.Failed == 0;

        async Task OneAsync(Random random)
        {
            double kind = random.NextDouble();
            int question = random.Next(Questions);
            if (kind < plan.BadShare)
            {
                using HttpResponseMessage response = await PostAsync(client, s_bad[random.Next(s_bad.Length)], cancellation);
                if ((int)response.StatusCode is >= 400 and < 500) Interlocked.Increment(ref tally.Refused);
                else Interlocked.Increment(ref tally.Failed);
                return;
            }

            try
            {
                string? answer = await AnswerAsync(client, bodies[question], kind < plan.BadShare + plan.LeaveShare ? random.Next(plan.MaxTokens) : null, tally, cancellation);
                if (answer is null) Interlocked.Increment(ref tally.Left);
                else if (answer == alone[question]) Interlocked.Increment(ref tally.Right);
                else Interlocked.Increment(ref tally.Wrong);
            }
            catch (Exception e) when (e is HttpRequestException or IOException or JsonException)
            {
                if (Interlocked.Increment(ref tally.Failed) == 1) Console.WriteLine($"failed: {e.Message}");
            }
        }
    }

    /// <summary>A text of about so many tokens.</summary>
    private static async Task<string> PrefixAsync(HttpClient client, int tokens)
    {
        StringBuilder text = new("Answer the questions from the list.");
        for (int town = 0, count = 0; count < tokens;)
        {
            for (int i = 0; i < 20; i++, town++) text.Append($" The code for town {town} is {town * 7919 % 1000}.");
            using HttpResponseMessage response = await client.PostAsync("/tokenize", new StringContent(JsonSerializer.Serialize(new { prompt = text.ToString() }), Encoding.UTF8, "application/json"));
            count = JsonDocument.Parse(await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync()).RootElement.GetProperty("count").GetInt32();
        }

        return text.ToString();
    }

    /// <summary>The whole answer; null if the client left after so many events.</summary>
    private static async Task<string?> AnswerAsync(HttpClient client, string body, int? leaveAfter, Tally? tally, CancellationToken cancellation)
    {
        long last = Stopwatch.GetTimestamp();
        using HttpResponseMessage response = await PostAsync(client, body, cancellation);
        if (!response.IsSuccessStatusCode) throw new HttpRequestException($"{(int)response.StatusCode}: {await response.Content.ReadAsStringAsync(cancellation)}");
        using StreamReader reader = new(await response.Content.ReadAsStreamAsync(cancellation));
        StringBuilder text = new();
        int events = 0;
        while (await reader.ReadLineAsync(cancellation) is string line)
        {
            if (!line.StartsWith("data: {", StringComparison.Ordinal))
            {
                if (line == "data: [DONE]") return text.ToString();
                continue;
            }

            long now = Stopwatch.GetTimestamp();
            (events == 0 ? tally?.First : tally?.Between)?.Add(Stopwatch.GetElapsedTime(last, now).TotalMilliseconds);
            last = now;
            using JsonDocument chunk = JsonDocument.Parse(line.AsMemory(6));
            text.Append(chunk.RootElement.GetProperty("choices")[0].GetProperty("text").GetString());
            if (++events > leaveAfter) return null;
        }

        throw new IOException("The stream ended without [DONE].");
    }

    private static Task<HttpResponseMessage> PostAsync(HttpClient client, string body, CancellationToken cancellation) => client.SendAsync(
        new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = new StringContent(body, Encoding.UTF8, "application/json") }, HttpCompletionOption.ResponseHeadersRead, cancellation);
}
