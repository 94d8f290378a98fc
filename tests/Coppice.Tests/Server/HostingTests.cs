using Coppice.Server.Hosting;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Coppice.Tests.Server;

public sealed class HostingTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private readonly Engine _engine = fixture.Running.Engine;

    [Fact]
    public async Task A_program_gets_engine_chat_client_and_health_check_from_its_services()
    {
        ServiceCollection services = new();
        services.AddLogging();
        services.AddCoppice(TestData.SampleModel, new EngineOptions { KvBytes = 16 << 20, Threads = 1 });
        services.AddHealthChecks().AddCoppice();
        await using ServiceProvider provider = services.BuildServiceProvider();
        HealthReport report = await provider.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        Assert.Equal(HealthStatus.Healthy, report.Entries["coppice"].Status);
        IChatClient client = provider.GetRequiredService<IChatClient>();
        Assert.Same(provider.GetRequiredService<Engine>(), client.GetService<Engine>());
        Assert.Equal("sample", client.GetService<ChatClientMetadata>()!.DefaultModelId);
        Assert.NotEmpty((await client.GetResponseAsync("Hello", new ChatOptions { MaxOutputTokens = 2 })).ModelId!);
    }

    [Fact]
    public async Task The_chat_client_answers_as_the_engine_does()
    {
        GenerateResult expected = await _engine.CompleteAsync(_engine.Tokenizer.Encode("<s>system: Be brief.\nuser: The code for Rome is 468.\nassistant:", Specials.InText), new GenerateOptions { Seed = 5, MaxTokens = 12, TopK = 20, MinP = 0.01f });
        using CoppiceChatClient client = new(_engine, "sample");
        ChatOptions options = new() { Instructions = "Be brief.", Seed = 5, MaxOutputTokens = 12, TopK = 20, RawRepresentationFactory = _ => new GenerateOptions { MinP = 0.01f } };
        ChatResponse answer = await client.GetResponseAsync([new Microsoft.Extensions.AI.ChatMessage(ChatRole.User, "The code for Rome is 468.")], options);
        Assert.Equal((expected.Choices[0].Text, "sample"), (answer.Text, answer.ModelId));
        Assert.Equal((expected.Usage.PromptTokens, expected.Usage.CompletionTokens), (answer.Usage!.InputTokenCount, answer.Usage.OutputTokenCount));
        string text = "";
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync([new Microsoft.Extensions.AI.ChatMessage(ChatRole.User, "The code for Rome is 468.")], options)) text += update.Text;
        Assert.Equal(expected.Choices[0].Text, text);
    }

    [Fact]
    public async Task What_the_chat_client_cannot_do_is_refused_by_name()
    {
        using CoppiceChatClient client = new(_engine);
        Assert.Contains("Tools", (await Assert.ThrowsAsync<InvalidRequestException>(() => client.GetResponseAsync("a", new ChatOptions { Tools = [AIFunctionFactory.Create(() => 1, "f")] }))).Message, StringComparison.Ordinal);
        Assert.Contains("ResponseFormat", (await Assert.ThrowsAsync<InvalidRequestException>(() => client.GetResponseAsync("a", new ChatOptions { ResponseFormat = ChatResponseFormat.Json }))).Message, StringComparison.Ordinal);
        Assert.Contains("DataContent", (await Assert.ThrowsAsync<InvalidRequestException>(() => client.GetResponseAsync([new Microsoft.Extensions.AI.ChatMessage(ChatRole.User, [new DataContent(new byte[] { 1 }, "image/png")])]))).Message, StringComparison.Ordinal);
    }
}
