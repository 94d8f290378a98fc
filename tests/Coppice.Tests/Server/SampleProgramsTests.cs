using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace Coppice.Tests.Server;

/// <summary>The programs under samples/, run as they are.</summary>
public sealed class SampleProgramsTests
{
    [Fact]
    public async Task The_chat_client_has_two_turns_and_the_second_is_cached()
    {
        using Process process = Start("ChatClient.dll", TestData.SampleModel);
        string text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
        MatchCollection turns = Regex.Matches(text, @"(?<read>\d+) tokens read, (?<cached>\d+) of them cached; (?<made>\d+) generated", RegexOptions.ExplicitCapture);
        Assert.Equal(2, turns.Count);
        Assert.Equal("0", turns[0].Groups["cached"].Value);
        Assert.NotEqual("0", turns[1].Groups["cached"].Value);
    }

    [Fact]
    public async Task The_web_application_answers_and_is_healthy_and_logs()
    {
        using Process process = Start("WebApp.dll", "--urls", "http://127.0.0.1:0", "--Model", TestData.SampleModel);
        try
        {
            string log = "", address = "";
            while (address.Length == 0 && await process.StandardOutput.ReadLineAsync() is string line)
                if (line.Split("Now listening on: ") is [_, string found]) address = found;
            using HttpClient client = new() { BaseAddress = new Uri(address) };
            Assert.Equal("Healthy", await client.GetStringAsync("/health"));
            using StringContent question = new("""{"text":"Where is Rome?"}""", Encoding.UTF8, "application/json");
            using HttpResponseMessage answer = await client.PostAsync("/ask", question);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.StartsWith("{\"text\":", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            using (Process kill = Process.Start("kill", ["-TERM", $"{process.Id}"])) await kill.WaitForExitAsync();
            log = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            Assert.Contains("sample opened in", log, StringComparison.Ordinal);
            Assert.Contains("A question of", log, StringComparison.Ordinal);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    private static Process Start(string program, params string[] arguments) =>
        Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, program), .. arguments]) { UseShellExecute = false, RedirectStandardOutput = true })!;
}
