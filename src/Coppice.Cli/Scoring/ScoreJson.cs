using System.Text.Json;
using Coppice.Cli.BatchFiles;

namespace Coppice.Cli.Scoring;

/// <summary>Scores as lines, in the frame that all results have.</summary>
internal sealed class ScoreJson(ITextModel model, int? topLogProbs)
{
    /// <summary>One line, with its end.</summary>
    public byte[] Result(ScoreLine line, IReadOnlyList<Scored> scored) => ResultJson.Line(line, status: 200, error: null, json =>
    {
        json.WriteString("object", "score");
        json.WriteString("model", model.Name);
        json.WriteStartArray("continuations");
        for (int i = 0; i < scored.Count; i++) Write(json, scored, i);
        json.WriteEndArray();
        json.WriteStartObject("best");
        foreach (Ranking ranking in Ranking.All) json.WriteNumber(ranking.Name, ranking.Best(scored));
        json.WriteEndObject();
        if (line.Answer is int answer)
        {
            json.WriteNumber("answer", answer);
            json.WriteStartObject("right");
            foreach (Ranking ranking in Ranking.All) json.WriteBoolean(ranking.Name, ranking.Best(scored) == answer);
            json.WriteEndObject();
        }
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", scored.Sum(one => one.Result.Usage.PromptTokens));
        json.WriteNumber("scored_tokens", scored.Sum(one => one.Result.Tokens.Count));
        json.WriteNumber("cached_tokens", scored.Sum(one => one.Result.Usage.CachedTokens));
        json.WriteEndObject();
    });

    private void Write(Utf8JsonWriter json, IReadOnlyList<Scored> scored, int index)
    {
        Scored one = scored[index];
        json.WriteStartObject();
        json.WriteString("text", one.Text.Continuation);
        json.WriteNumber("tokens", one.Result.Tokens.Count);
        Number(json, "log_prob", one.LogProb);
        Number(json, "log_prob_per_token", one.PerToken);
        Number(json, "log_prob_per_byte", one.PerByte);
        Number(json, "log_prob_per_character", one.PerCharacter);
        json.WriteNumber("rank", Ranking.All[0].Rank(scored, index));
        json.WriteBoolean("is_greedy", one.Result.IsGreedy);
        if (topLogProbs is not null)
        {
            json.WriteStartArray("token_scores");
            foreach (ScoredToken token in one.Result.Tokens) Write(json, token);
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    private void Write(Utf8JsonWriter json, ScoredToken token)
    {
        json.WriteStartObject();
        json.WriteNumber("id", token.LogProb.Token);
        Number(json, "log_prob", token.LogProb.LogProb);
        json.WriteNumber("rank", token.Rank);
        if (topLogProbs > 0)
        {
            json.WriteStartArray("top");
            foreach ((int id, float logProb) in token.LogProb.Top)
            {
                json.WriteStartObject();
                json.WriteNumber("id", id);
                Number(json, "log_prob", logProb);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    // JSON has no infinity; a token that a model gives no chance at all is null.
    private static void Number(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value)) json.WriteNumber(name, value);
        else json.WriteNull(name);
    }

    // A float as short as it can be: widened to double it would get digits that it does not have.
    private static void Number(Utf8JsonWriter json, string name, float value)
    {
        if (float.IsFinite(value)) json.WriteNumber(name, value);
        else json.WriteNull(name);
    }
}
