using System.Text.RegularExpressions;

namespace Coppice.Tests.Cli;

public sealed class CommandLineTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Theory]
    [InlineData("run", "Required argument")]
    [InlineData("fly", "There is no command 'fly'.")]
    [InlineData("bench fly", "There is no command 'bench fly'. See coppice bench --help.")]
    [InlineData("run f --temprature 0", "'--temprature'")]
    [InlineData("run f --threads 0", "--threads is '0'; it must be a whole number from 1 to 1024.")]
    [InlineData("run f --threads many", "--threads is 'many'; it must be a whole number from 1 to 1024.")]
    [InlineData("run f --max-batch 99999999999", "--max-batch is '99999999999'; it must be a whole number from 1 to 65536.")]
    [InlineData("run f --prefill-chunk -1", "--prefill-chunk is '-1'; it must be")]
    [InlineData("run f --max-context 0", "--max-context is '0'; it must be a whole number, 1 or more.")]
    [InlineData("run f --attention sparse", "--attention is 'sparse'; it must be auto, tree, bifurcated, per-sequence, sparq, sparq-group, lm-infinite, h2o or top-k.")]
    [InlineData("generate -p a --sparq-r 8", "--sparq-r goes with --attention sparq or sparq-group, and it is auto. Leave it out.")]
    [InlineData("generate -p a --attention h2o --sparq-mean-value on", "--sparq-mean-value goes with --attention sparq or sparq-group, and it is h2o.")]
    [InlineData("generate -p a --attention sparq --keep 9", "--keep goes with --attention lm-infinite, h2o or top-k, and it is sparq.")]
    [InlineData("generate -p a --attention sparq --sparq-compression 8 --sparq-k 9", "--sparq-compression picks what --sparq-k says. Give one of them.")]
    [InlineData("generate -p a --attention sparq --sparq-k 8 --sparq-local 9", "--sparq-local is 9 and --sparq-k 8")]
    [InlineData("generate -p a --attention sparq --sparq-compression 0.5", "--sparq-compression is '0.5'; it must be a number from 2 to 256.")]
    [InlineData("generate -p a --attention sparq --sparq-r 0", "--sparq-r is '0'; it must be a whole number from 1 to 1024.")]
    [InlineData("generate -p a --attention top-k --keep 0", "--keep is '0'; it must be a whole number, 1 or more.")]
    [InlineData("run f --kv f16", "--kv is 'f16'; it must be f32 or bf16.")]
    [InlineData("run f --kv-memory lots", "--kv-memory is 'lots'; it must be a size above 0")]
    [InlineData("run f --kv-memory 0GiB", "--kv-memory is '0GiB'; it must be a size above 0")]
    [InlineData("run f --seed 1.5", "--seed is '1.5'; it must be a whole number.")]
    [InlineData("run f --resume", "--resume needs -o")]
    [InlineData("run f --overwrite", "--overwrite needs -o")]
    [InlineData("run f -o x --resume --overwrite", "give one of them")]
    [InlineData("run f -o f", "-o names the input")]
    [InlineData("run f -o /no/such/folder/x", "There is no folder /no/such/folder")]
    [InlineData("run /no/such/file", "/no/such/file")]
    [InlineData("run .", "is a folder")]
    [InlineData("generate -p a --temperature 3", "--temperature is '3'; it must be a number from 0 to 2.")]
    [InlineData("generate -p a --temperature NaN", "--temperature is 'NaN'; it must be")]
    [InlineData("generate -p a --top-p 0", "--top-p is '0'; it must be")]
    [InlineData("generate -p a --n 0", "--n is '0'; it must be a whole number from 1 to 1024.")]
    [InlineData("generate -p a --max-tokens 0", "--max-tokens is '0'; it must be a whole number, 1 or more.")]
    [InlineData("generate -p a --json --regex b", "an answer can have one")]
    [InlineData("generate -p a --regex (b", "The pattern, character 1: this ( is not closed")]
    [InlineData("generate -p a --json-schema {\"type\":1}", "The schema, $.type: it is 1")]
    [InlineData("generate -p a --grammar /no/such/file", "/no/such/file")]
    [InlineData("inspect /no/such/folder/model.gguf", "There is no such file or folder")]
    [InlineData("inspect - --json", "--json shows a model")]
    [InlineData("chat --system a --system-file b", "give one of them")]
    [InlineData("chat", "the model has no chat template, so it does not say how a conversation is written. Name one with --chat-template FILE.")]
    [InlineData("chat --chat-template /no/such/file", "There is no such file.")]
    [InlineData("chat --n 2", "'--n'")]
    [InlineData("inspect --kv-memory 100", "--kv-memory is too small")]
    public async Task A_command_line_that_cannot_be_used_is_refused_in_one_line(string line, string says)
    {
        Assert.Equal(2, await _tool.RunAsync(line.Split(' ')));
        Assert.StartsWith("coppice: ", _tool.Error, StringComparison.Ordinal);
        Assert.Contains(says, _tool.Error, StringComparison.Ordinal);
        Assert.Equal(1, _tool.Error.Count(c => c == '\n'));
        Assert.Equal("", _tool.Output);
    }

    [Theory]
    [InlineData("chat", "--system --system-file --seed --max-tokens --min-tokens --temperature --top-p --top-k --min-p --repetition-penalty --presence-penalty --frequency-penalty --stop --ignore-eos --json --json-schema --grammar --regex --chat-template --model --attention --sparq-compression --sparq-r --sparq-k --sparq-local --sparq-mean-value --keep --weights --kv --kv-memory --threads --pin --max-batch --prefill-chunk --max-context")]
    [InlineData("run", "--output --resume --overwrite --quiet --seed --chat-template --model --attention --sparq-compression --sparq-r --sparq-k --sparq-local --sparq-mean-value --keep --weights --kv --kv-memory --threads --pin --max-batch --prefill-chunk --max-context")]
    [InlineData("generate", "--prompt --n --best-of --max-tokens --min-tokens --temperature --top-p --top-k --min-p --repetition-penalty --presence-penalty --frequency-penalty --stop --ignore-eos --json --json-schema --grammar --regex --seed --model --attention --sparq-compression --sparq-r --sparq-k --sparq-local --sparq-mean-value --keep --weights --kv --kv-memory --threads --pin --max-batch --prefill-chunk --max-context")]
    [InlineData("inspect", "--json --chat-template --model --attention --sparq-compression --sparq-r --sparq-k --sparq-local --sparq-mean-value --keep --weights --kv --kv-memory --threads --pin --max-batch --prefill-chunk --max-context")]
    [InlineData("serve", "--host --port --model-name --api-key --api-keys-file --allow-anybody --share-between-keys --cors-origin --data --max-queue --max-samples-per-key --requests-per-minute --max-pinned-tokens-per-key --max-pinned-tokens --max-n --max-prompt-tokens --max-body --max-answer-memory --max-stored-per-key --drain --log --chat-template --model --attention --sparq-compression --sparq-r --sparq-k --sparq-local --sparq-mean-value --keep --weights --kv --kv-memory --threads --pin --max-batch --prefill-chunk --max-context")]
    public async Task Help_lists_each_option_once_and_ends_with_examples(string command, string options)
    {
        Assert.Equal(0, await _tool.RunAsync(command, "--help"));
        int examples = _tool.Output.IndexOf("Examples:", StringComparison.Ordinal);
        Assert.Contains($"coppice {command}", _tool.Output[examples..], StringComparison.Ordinal);
        string list = _tool.Output[_tool.Output.IndexOf("Options:", StringComparison.Ordinal).._tool.Output.IndexOf("--help", StringComparison.Ordinal)];
        foreach (string option in options.Split(' ')) Assert.Single(Regex.Matches(list, $@"^  (-\w, )?{option} ", RegexOptions.Multiline | RegexOptions.ExplicitCapture));
        Assert.Equal(options.Split(' ').Length, Regex.Matches(list, @"^  (-\w, )?--[\w-]+", RegexOptions.Multiline | RegexOptions.ExplicitCapture).Count(m => !m.Value.EndsWith("-?,", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("--help")]
    public async Task The_tool_alone_shows_its_commands(string line)
    {
        Assert.Equal(0, await _tool.RunAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        foreach (string command in (string[])["coppice run ", "coppice generate ", "coppice chat ", "coppice serve", "coppice inspect "]) Assert.Contains(command, _tool.Output, StringComparison.Ordinal);
        Assert.Equal("", _tool.Error);
    }

    [Fact]
    public async Task The_version_is_the_assembly_s()
    {
        Assert.Equal(0, await _tool.RunAsync("--version"));
        Assert.StartsWith(typeof(Coppice.Cli.Streams).Assembly.GetName().Version!.ToString(3), _tool.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_prompt_that_begins_with_an_at_sign_is_a_prompt()
    {
        Assert.Equal(0, await _tool.RunAsync("generate", "-p", "@home"));
        Assert.Equal(" @home.\n", _tool.Output);
    }

    [Fact]
    public async Task Generate_prints_samples_one_after_another()
    {
        Assert.Equal(0, await _tool.RunAsync("say it", null, CancellationToken.None, "generate", "--n", "3"));
        Assert.Equal("--- sample 1 of 3 ---\n it.\n\n--- sample 2 of 3 ---\n it 1.\n\n--- sample 3 of 3 ---\n it 2.\n", _tool.Output);
        Assert.Equal(["say it"], _tool.Model.Prompts);
        Assert.True(_tool.Model.IsDisposed);
    }

    [Fact]
    public async Task Generate_hands_its_options_on()
    {
        await _tool.RunAsync("generate", "-p", "a", "--n", "2", "--max-tokens", "9", "--min-tokens", "2", "--temperature", "0.5", "--top-p", "0.9", "--top-k", "7", "--min-p", "0.1",
            "--repetition-penalty", "1.5", "--presence-penalty", "-1", "--frequency-penalty", "0.25", "--stop", "x", "--stop", "y", "--ignore-eos", "--seed", "-5");
        GenerateOptions asked = Assert.Single(_tool.Model.Asked);
        Assert.Equal(["x", "y"], asked.Stop);
        Assert.Equal(new GenerateOptions
        {
            N = 2,
            MaxTokens = 9,
            MinTokens = 2,
            Temperature = 0.5f,
            TopP = 0.9f,
            TopK = 7,
            MinP = 0.1f,
            RepetitionPenalty = 1.5f,
            PresencePenalty = -1,
            FrequencyPenalty = 0.25f,
            Stop = asked.Stop,
            IgnoreEndOfText = true,
            Seed = -5,
        }, asked);
    }

    [Theory]
    [InlineData("4096", 4096L)]
    [InlineData("2GiB", 2L << 30)]
    [InlineData("2g", 2L << 30)]
    [InlineData("1.5 MB", 1_500_000L)]
    [InlineData("0.5KiB", 512L)]
    [InlineData("1TiB", 1L << 40)]
    [InlineData("-1", null)]
    [InlineData("1e3", null)]
    [InlineData("GiB", null)]
    [InlineData("99999999999TiB", null)]
    [InlineData("0.1B", null)]
    public void Sizes_are_read_as_people_write_them(string text, long? bytes) =>
        Assert.Equal(bytes, Coppice.Cli.Options.ByteSize.TryParse(text, out long read) ? read : null);

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1.00 KiB")]
    [InlineData(999, "999 B")]
    [InlineData(1536, "1.50 KiB")]
    [InlineData(10.0 * (1 << 20), "10.0 MiB")]
    [InlineData(241.0 * (1 << 20), "241 MiB")]
    public void Sizes_are_shown_with_three_digits(double bytes, string text) => Assert.Equal(text, Coppice.Cli.Options.ByteSize.Format(bytes));

    [Fact]
    public async Task A_constraint_comes_as_text_or_from_a_file()
    {
        string schema = _tool.File("schema.json", """{"type":"null"}"""), grammar = _tool.File("a.gbnf", "root ::= \"a\"");
        foreach ((string option, string value) in ((string, string)[])[("--json-schema", schema), ("--json-schema", """ {"type":"null"}"""), ("--grammar", grammar), ("--regex", "a*")])
            Assert.Equal(0, await _tool.RunAsync("generate", "-p", "a", option, value));
        Assert.Equal(0, await _tool.RunAsync("generate", "-p", "a", "--json"));
        Assert.Equal(5, _tool.Model.Asked.Count(options => options.Constraint is not null));
    }
}
