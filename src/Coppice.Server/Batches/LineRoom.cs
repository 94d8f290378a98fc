namespace Coppice.Server.Batches;

/// <summary>How many answers the lines of all batches may have running and waiting in the engine. A line with more takes all there is.</summary>
internal sealed class LineRoom(int answers)
{
    private readonly SemaphoreSlim _free = new(answers), _turn = new(1);

    /// <summary>Waits until so many answers have room, in the order of the calls.</summary>
    /// <returns>How many were counted, for <see cref="Leave"/>.</returns>
    public async Task<int> EnterAsync(int samples, CancellationToken cancellation)
    {
        int wanted = Math.Clamp(samples, 1, answers), taken = 0;
        await _turn.WaitAsync(cancellation);        // one at a time: two that each hold a half would wait for ever
        try
        {
            for (; taken < wanted; taken++) await _free.WaitAsync(cancellation);
            return taken;
        }
        catch
        {
            Leave(taken);
            throw;
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Leave(int samples)
    {
        if (samples > 0) _free.Release(samples);
    }
}
