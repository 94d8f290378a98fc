using Coppice.Cli;

return await Interrupts.RunAsync(Interrupts.GraceOf(args), (interrupts, cancellation) =>
    CoppiceCommand.RunAsync(args, Streams.OfProcess() with { Interrupts = interrupts }, EngineTextModel.Open, cancellation));
