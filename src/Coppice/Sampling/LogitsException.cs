namespace Coppice;

/// <summary>The model produced logits no token can be drawn from: NaN, positive infinity, or none above negative infinity. It ends the one request.</summary>
public sealed class LogitsException(string message) : Exception(message);
