using Coppice.Cli;

return await Interrupts.RunAsync((interrupts, cancellation) =>
    CoppiceCommand.RunAsync(args, Streams.OfProcess() with { Interrupts = interrupts }, EngineTextModel.Open, cancellation));
