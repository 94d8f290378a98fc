namespace Coppice.Tests;

/// <summary>The library example of the README, compiled and run. <see cref="ReadmeTests"/> holds the README to it.</summary>
internal static class ReadmeExample
{
    public static async Task RunAsync(string model, TextWriter output)
    {
        // README begins
        using Engine engine = Engine.Open(model);                       // a Hugging Face folder or a .gguf file
        string document = " The code for Rome is 468. The dog named Amy has fur that is black.";
        string[] questions = ["What is the code for Rome?", "What color is the fur of the dog named Amy?"];

        // Ask everything at once: the document is computed once, kept once, and read once per step.
        GenerateOptions greedy = new() { Temperature = 0, MaxTokens = 16, Stop = ["."] };
        GenerateResult[] answers = await Task.WhenAll(questions.Select(question =>
            engine.CompleteAsync($"{document}\n\nQuestion: {question}\nAnswer:", greedy)));
        foreach (GenerateResult answer in answers) output.WriteLine(answer.Choices[0].Text);

        // Or watch three samples of one prompt grow.
        await foreach (GenerateChunk chunk in engine.GenerateAsync("The prince looked at", new() { N = 3, MaxTokens = 24, Seed = 1 }))
            output.WriteLine($"{chunk.Index}: {chunk.Text}");
        // README ends
    }
}
