using Coppice.Cli;

return await Interrupts.RunAsync(cancellation => CoppiceCommand.RunAsync(args, Streams.OfProcess(), EngineTextModel.Open, cancellation));
