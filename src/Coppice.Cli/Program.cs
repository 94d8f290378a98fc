using Coppice.Cli;

return await Interrupts.RunAsync(Interrupts.GraceOf(args), cancellation => CoppiceCommand.RunAsync(args, Streams.OfProcess(), EngineTextModel.Open, cancellation));
