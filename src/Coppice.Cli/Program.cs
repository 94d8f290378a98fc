using System.CommandLine;
using Coppice.Cli.Bench;

return await new RootCommand("Coppice") { BenchCommand.Create() }.Parse(args).InvokeAsync();
