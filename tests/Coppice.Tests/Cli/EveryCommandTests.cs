using System.CommandLine;
using System.CommandLine.Help;
using Coppice.Cli;

namespace Coppice.Tests.Cli;

/// <summary>What holds for every command and every option, those to come among them.</summary>
public sealed class EveryCommandTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    public static TheoryData<string> Commands => [.. Paths(Root, "")];

    private static RootCommand Root => CoppiceCommand.Make(new Streams(Stream.Null, false, Stream.Null, TextWriter.Null, false), (_, _) => new FakeModel());

    [Theory, MemberData(nameof(Commands))]
    public async Task Help_ends_with_examples_of_this_command_that_can_be_typed(string path)
    {
        Assert.Equal(0, await _tool.RunAsync([.. path.Split(' '), "--help"]));
        string[] lines = [.. _tool.Output[_tool.Output.LastIndexOf("Examples:", StringComparison.Ordinal)..].Split('\n').Where(line => line.StartsWith("    ", StringComparison.Ordinal)).Select(line => line.Trim())];
        Assert.Contains(lines, line => line.Contains($"coppice {path}", StringComparison.Ordinal));
        Assert.All(lines.Where(line => line.StartsWith("coppice ", StringComparison.Ordinal)), line => Assert.StartsWith($"coppice {path}", line, StringComparison.Ordinal));
        foreach (string line in lines.Where(line => line.StartsWith("coppice ", StringComparison.Ordinal) && line.IndexOfAny(['\'', '"', '|', '>']) < 0))
            Assert.Empty(Root.Parse(line.Split(' ')[1..]).Errors);
    }

    [Theory, MemberData(nameof(Commands))]
    public void A_value_that_no_option_takes_is_refused_with_the_option_the_value_and_what_it_must_be(string path)
    {
        Command command = path.Split(' ').Aggregate((Command)Root, (above, name) => above.Subcommands.Single(below => below.Name == name));
        foreach (Option option in command.Options.Where(option => option is not HelpOption))
        {
            foreach (string value in (string[])["bad", "-", "1e999", "99999999999999999999", "-1", "\0", ""])
            {
                foreach (System.CommandLine.Parsing.ParseError error in Root.Parse([.. path.Split(' '), option.Name, value]).Errors.Where(error => error.Message.Contains(option.Name, StringComparison.Ordinal)))
                {
                    Assert.StartsWith(option.Name, error.Message, StringComparison.Ordinal);
                    Assert.Matches("must be|known are", error.Message);
                    Assert.DoesNotContain('\n', error.Message);
                    Assert.DoesNotContain("E-", error.Message, StringComparison.Ordinal);
                }
            }
        }
    }

    [Theory, MemberData(nameof(Commands))]
    public async Task An_option_with_a_slip_in_its_name_is_refused_with_the_name_that_was_meant(string path)
    {
        Command command = path.Split(' ').Aggregate((Command)Root, (above, name) => above.Subcommands.Single(below => below.Name == name));
        foreach (string name in command.Options.Where(option => !option.Hidden).Select(option => option.Name))
        {
            string slip = $"{name[..^2]}{name[^1]}{name[^2]}";
            if (slip == name || command.Options.Any(option => option.Name == slip)) continue;
            Assert.Equal(2, await _tool.RunAsync([.. path.Split(' '), slip]));
            Assert.StartsWith($"coppice: There is no option '{slip}'; did you mean --", _tool.Error, StringComparison.Ordinal);
            Assert.Equal(1, _tool.Error.Count(c => c == '\n'));
        }
    }

    [Theory]
    [InlineData("rnu f", "There is no command 'rnu'; did you mean run? See coppice --help.")]
    [InlineData("bench atention", "There is no command 'bench atention'; did you mean bench attention? See coppice bench --help.")]
    [InlineData("eval neddle", "There is no command 'eval neddle'; did you mean eval needle? See coppice eval --help.")]
    [InlineData("gen", "There is no command 'gen'; did you mean generate? See coppice --help.")]
    [InlineData("dance", "There is no command 'dance'. See coppice --help.")]
    [InlineData("--hlep", "There is no option '--hlep'; did you mean --help? See coppice --help.")]
    [InlineData("run --resum f", "There is no option '--resum'; did you mean --resume? See coppice run --help.")]
    [InlineData("run f --outptu=x", "There is no option '--outptu'; did you mean --output? See coppice run --help.")]
    [InlineData("run f --xyzzy", "There is no option '--xyzzy'. See coppice run --help.")]
    [InlineData("generate -p a --temp 1", "There is no option '--temp'; did you mean --temperature? See coppice generate --help.")]
    [InlineData("generate -p a --top-p 2", "--top-p is '2'; it must be a number above 0 and at most 1. See coppice generate --help.")]
    public async Task What_was_meant_is_said(string line, string says)
    {
        Assert.Equal(2, await _tool.RunAsync(line.Split(' ')));
        Assert.Equal($"coppice: {says}\n", _tool.Error.ReplaceLineEndings("\n"));
    }

    [Fact]
    public async Task A_file_may_be_called_as_an_option_is_behind_two_dashes()
    {
        Assert.Equal(2, await _tool.RunAsync("run", "--", "--resum"));
        Assert.Contains("Could not find file", _tool.Error, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Paths(Command command, string above) =>
        command.Subcommands.SelectMany(below => Paths(below, $"{above} {below.Name}".TrimStart()).Prepend($"{above} {below.Name}".TrimStart()));
}
