namespace Coppice.Sampling;

/// <summary>
/// Random numbers without a running state: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
/// A draw depends on (seed, sample, step) alone, so on no other request, no batch and no pause.
/// </summary>
internal static class Philox
{
    private const int Rounds = 10;

    /// <summary>A uniform number in [0, 1), a multiple of 2^-53.</summary>
    /// <param name="seed">The request's seed: the key.</param>
    /// <param name="sample">Which of the request's samples: the counter's second word.</param>
    /// <param name="step">Tokens the answer has already: the counter's first word.</param>
    public static double Uniform(ulong seed, int sample, int step)
    {
        (uint a, uint b, _, _) = Block((uint)step, (uint)sample, 0, 0, (uint)seed, (uint)(seed >> 32));
        return (((ulong)b << 32 | a) >> 11) * (1.0 / (1L << 53));
    }

    /// <summary>The block function: counter (c0, c1, c2, c3) under key (k0, k1).</summary>
    public static (uint R0, uint R1, uint R2, uint R3) Block(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1)
    {
        for (int round = 0; round < Rounds; round++)
        {
            ulong p0 = 0xD2511F53UL * c0;
            ulong p1 = 0xCD9E8D57UL * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }
        return (c0, c1, c2, c3);
    }
}
