using Microsoft.Extensions.AI;

// A web application that has the model in its own process: the engine and its chat client come from the services, the log is the
// application's, and the health check generates a token.
WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.Services.AddCoppice(builder.Configuration["Model"] ?? "models/sample");
builder.Services.AddHealthChecks().AddCoppice();

WebApplication app = builder.Build();
app.MapHealthChecks("/health");
app.MapPost("/ask", async (Question question, IChatClient client, ILogger<Question> logger, CancellationToken cancellation) =>
{
    ChatResponse answer = await client.GetResponseAsync(question.Text, new ChatOptions { MaxOutputTokens = 24, Temperature = 0 }, cancellation);
    logger.LogInformation("A question of {Tokens} tokens, {Cached} of them cached", answer.Usage!.InputTokenCount, answer.Usage.CachedInputTokenCount);
    return new Answer(answer.Text);
});
await app.RunAsync();

internal sealed record Question(string Text);

internal sealed record Answer(string Text);
