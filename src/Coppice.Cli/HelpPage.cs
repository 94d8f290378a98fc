using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Coppice.Cli;

/// <summary>A command's help, with examples at its end.</summary>
internal static class HelpPage
{
    public static void Attach(Command command, params (string What, string Line)[] examples) => Attach(command, "", examples);

    /// <param name="command">The command that is explained.</param>
    /// <param name="more">Paragraphs between the options and the examples.</param>
    /// <param name="examples">Each a sentence and the line that does it.</param>
    public static void Attach(Command command, string more, params (string What, string Line)[] examples)
    {
        HelpOption? help = command.Options.OfType<HelpOption>().FirstOrDefault();
        if (help is null) command.Add(help = new HelpOption { Recursive = false });   // the root's is for all that have none of their own
        help.Action = new WithExamples(new HelpAction(), more, examples);
    }

    private sealed class WithExamples(HelpAction standard, string more, (string What, string Line)[] examples) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            int code = standard.Invoke(parseResult);
            TextWriter output = parseResult.InvocationConfiguration.Output;
            if (more.Length > 0) output.WriteLine(more + Environment.NewLine);
            output.WriteLine("Examples:");
            foreach ((string what, string line) in examples) output.WriteLine($"  {what}:{Environment.NewLine}    {line}");
            return code;
        }
    }
}
