using Coppice;
using Coppice.Server.Hosting;
using Microsoft.Extensions.AI;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

// A conversation through the chat client of Microsoft.Extensions.AI: answers come as they are generated, and each turn says
// how much of the conversation the cache still had.
using Engine engine = Engine.Open(args is [string path, ..] ? path : "models/sample");
using IChatClient client = new CoppiceChatClient(engine, "sample");
ChatOptions options = new() { MaxOutputTokens = 24, Temperature = 0, Seed = 1 };
List<ChatMessage> conversation = [new(ChatRole.System, "The dog named Rex has fur that is brown. The house of Ada is in Rome.")];
foreach (string question in (string[])["What color is the fur of Rex?", "Where is the house of Ada?"])
{
    conversation.Add(new ChatMessage(ChatRole.User, question));
    Console.Write($"{question}\n  ");
    List<ChatResponseUpdate> updates = [];
    await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(conversation, options))
    {
        Console.Write(update.Text);
        updates.Add(update);
    }

    ChatResponse answer = updates.ToChatResponse();
    conversation.AddMessages(answer);
    Console.WriteLine($"\n  {answer.Usage!.InputTokenCount} tokens read, {answer.Usage.CachedInputTokenCount} of them cached; {answer.Usage.OutputTokenCount} generated");
}
