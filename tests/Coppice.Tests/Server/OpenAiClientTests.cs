using System.ClientModel;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Models;

namespace Coppice.Tests.Server;

public sealed class OpenAiClientTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private readonly OpenAIClient _client = new(new ApiKeyCredential("none"), new OpenAIClientOptions { Endpoint = new Uri(fixture.Running.Server.Address, "/v1"), RetryPolicy = new System.ClientModel.Primitives.ClientRetryPolicy(0) });

    [Fact]
    public async Task It_completes_a_chat()
    {
        ChatCompletion answer = await _client.GetChatClient("sample").CompleteChatAsync(
            [new SystemChatMessage("Be brief."), new UserChatMessage(ChatMessageContentPart.CreateTextPart("The code for Rome is 468.")), new AssistantChatMessage("Yes."), new UserChatMessage("What?")],
            new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = 6, IncludeLogProbabilities = true, TopLogProbabilityCount = 2, StopSequences = { "\n\n" } });
        Assert.NotEmpty(answer.Content[0].Text);
        Assert.Equal((ChatMessageRole.Assistant, "sample"), (answer.Role, answer.Model));
        Assert.Equal(answer.Usage.OutputTokenCount, answer.ContentTokenLogProbabilities.Count);
        Assert.Equal(answer.Usage.TotalTokenCount, answer.Usage.InputTokenCount + answer.Usage.OutputTokenCount);
        Assert.True(answer.Usage.InputTokenDetails.CachedTokenCount >= 0);
    }

    [Fact]
    public async Task It_streams_a_chat()
    {
        ChatCompletionOptions options = new() { MaxOutputTokenCount = 12 };
        string text = "";
        ChatTokenUsage? usage = null;
        ChatFinishReason? finish = null;
        await foreach (StreamingChatCompletionUpdate update in _client.GetChatClient("sample").CompleteChatStreamingAsync([new UserChatMessage("The prince looked at")], options))
        {
            text += string.Concat(update.ContentUpdate.Select(part => part.Text));
            usage ??= update.Usage;
            finish ??= update.FinishReason;
        }

        Assert.NotEmpty(text);
        Assert.NotNull(finish);
        Assert.InRange(usage!.OutputTokenCount, 1, 12);     // the client asks for it by itself
    }

    [Fact]
    public async Task It_lists_models()
    {
        OpenAIModel model = Assert.Single((await _client.GetOpenAIModelClient().GetModelsAsync()).Value);
        Assert.Equal(("sample", "coppice"), (model.Id, model.OwnedBy));
        Assert.Equal("sample", (await _client.GetOpenAIModelClient().GetModelAsync("sample")).Value.Id);
    }

    [Fact]
    public async Task It_shows_an_error_as_the_server_said_it()
    {
        ClientResultException error = await Assert.ThrowsAsync<ClientResultException>(() => _client.GetChatClient("other").CompleteChatAsync([new UserChatMessage("a")]));
        Assert.Equal(404, error.Status);
        Assert.Contains("this server has 'sample'", error.Message, StringComparison.Ordinal);
        ChatCompletionOptions tools = new() { Tools = { ChatTool.CreateFunctionTool("f") } };
        error = await Assert.ThrowsAsync<ClientResultException>(() => _client.GetChatClient("sample").CompleteChatAsync([new UserChatMessage("a")], tools));
        Assert.Contains("tools", error.Message, StringComparison.Ordinal);
    }
}
