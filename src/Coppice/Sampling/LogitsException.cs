namespace Coppice;

/// <summary>
/// The model produced what nothing can be made of: logits that are NaN, positive infinity, or none above negative infinity, or hidden states that
/// have no direction. It ends the one request.
/// </summary>
public sealed class LogitsException(string message) : Exception(message);
