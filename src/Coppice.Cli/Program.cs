using Coppice.Cli;

// The engine ends cancelled requests at its next step.
return await Interrupts.RunAsync(TimeSpan.FromSeconds(10), (interrupts, cancellation) =>
    CoppiceCommand.RunAsync(args, Streams.OfProcess() with { Interrupts = interrupts }, EngineTextModel.Open, cancellation));
