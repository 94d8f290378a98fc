using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Coppice.Loading;

namespace Coppice.Kernels;

/// <summary>
/// How a panel of 64 outputs keeps weights of a <see cref="BlockFormat"/> at about the format's bits a weight, and how it is brought into the
/// blocks of bytes that <see cref="Q8Kernel"/> multiplies. A step is one block of the file of all 64 outputs: {[64] halves d; [64] halves -dMin,
/// where there are mins; with blocks of 256 [groups][64] scales and [groups][64] mins, both in one byte where they have four bits each;
/// [32 inputs] × planes of bits (<see cref="IBitPlanes"/>)}.
/// </summary>
internal sealed unsafe class BlockPanels(BlockFormat format)
{
    /// <summary>Inputs of one set of planes.</summary>
    public const int PlaneInputs = 32;

    /// <summary>Of d, and of dMin.</summary>
    public const int HalvesBytes = Outputs * sizeof(ushort);

    private const int Outputs = LinearWeights.PanelOutputs;

    public Q8Layout Layout { get; } = new(format.GroupElements);

    private int Groups { get; } = format.BlockElements / format.GroupElements;

    /// <summary>Groups have integer scales, and mins where the format has them; else there is only d, and dMin.</summary>
    public bool HasScales { get; } = format.BlockElements > PlaneInputs;

    /// <summary>A scale, in the lower half, and a min are one byte.</summary>
    public bool SharesBytes { get; } = format.Type == WeightType.Q2_K;

    public int ScalesAt => format.HasMins ? 2 * HalvesBytes : HalvesBytes;

    public int MinsAt => SharesBytes ? ScalesAt : ScalesAt + Groups * Outputs;

    public int PlanesAt => !HasScales ? ScalesAt : ScalesAt + Groups * Outputs * (format.HasMins && !SharesBytes ? 2 : 1);

    /// <summary>Of 32 inputs.</summary>
    public int PlaneBytes { get; } = format.Bits * PlaneInputs / 8 * Outputs;

    public int StepInputs => format.BlockElements;

    public int StepBytes => PlanesAt + format.BlockElements / PlaneInputs * PlaneBytes;

    /// <summary>One output of a step.</summary>
    public void Put(BlockParts* parts, int output, byte* step)
    {
        ((ushort*)step)[output] = parts->D;
        if (format.HasMins) ((ushort*)(step + HalvesBytes))[output] = (ushort)(parts->DMin ^ 0x8000);
        if (HasScales)
        {
            for (int g = 0; g < Groups; g++)
            {
                byte* scale = step + ScalesAt + g * Outputs + output;
                *scale = (byte)parts->Scales[g];
                if (SharesBytes) *scale |= (byte)(parts->Mins[g] << 4);
                else if (format.HasMins) scale[Groups * Outputs] = parts->Mins[g];
            }
        }
        byte* planes = step + PlanesAt;
        for (int k = 0; k < format.BlockElements; k += PlaneInputs, planes += PlaneBytes)
        {
            switch (format.Bits)
            {
                case 2: Planes2.Put(parts->Q + k, planes, output); break;
                case 3: Planes3.Put(parts->Q + k, planes, output); break;
                case 4: Planes4.Put(parts->Q + k, planes, output); break;
                case 5: Planes5.Put(parts->Q + k, planes, output); break;
                case 6: Planes6.Put(parts->Q + k, planes, output); break;
                default: throw new InvalidOperationException($"No planes of {format.Bits} bits.");
            }
        }
    }

    /// <summary>Steps as blocks of bytes.</summary>
    /// <param name="step">Of a panel, the first.</param>
    /// <param name="steps">How many.</param>
    /// <param name="bias">Added to every byte: <see cref="Q8Kernel.WeightBias"/>.</param>
    /// <param name="blocks">[steps][groups] blocks of <see cref="Layout"/>.</param>
    /// <param name="mins">[steps][groups][64], what is added to an output for each unit of the sum of a block's activations; left alone where there are none.</param>
    public void Expand(byte* step, int steps, int bias, byte* blocks, float* mins)
    {
        if (Isa.Width >= 512) Simd<B512>(step, steps, bias, blocks, mins);
        else if (Isa.Width >= 256) Simd<B256>(step, steps, bias, blocks, mins);
        else if (Isa.Width >= 128) Simd<B128>(step, steps, bias, blocks, mins);
        else Reference(step, steps, bias, blocks, mins);
    }

    /// <summary>The definition. Slow, obvious, never optimised.</summary>
    public void Reference(byte* step, int steps, int bias, byte* blocks, float* mins)
    {
        for (; steps > 0; steps--, step += StepBytes, blocks += Groups * Layout.WeightBlockBytes, mins += Groups * Outputs)
        {
            for (int output = 0; output < Outputs; output++)
            {
                for (int g = 0; g < Groups; g++)
                {
                    byte* block = blocks + g * Layout.WeightBlockBytes, stored = step + ScalesAt + g * Outputs + output;
                    int scale = !HasScales ? 1 : SharesBytes ? *stored & 15 : (sbyte)*stored;
                    int min = !HasScales ? 1 : SharesBytes ? *stored >> 4 : format.HasMins ? stored[Groups * Outputs] : 0;
                    ((float*)(block + Layout.WeightScalesAt))[output] = (float)((Half*)step)[output] * scale;
                    if (format.HasMins) mins[g * Outputs + output] = (float)((Half*)(step + HalvesBytes))[output] * min;
                    for (int i = 0; i < format.GroupElements; i++)
                        block[i / 4 * Q8Layout.QuadBytes + output * 4 + i % 4] = (byte)(format.QuantumOf(Stored(step, g * format.GroupElements + i, output)) + bias);
                }
            }
        }
    }

    private int Stored(byte* step, int input, int output)
    {
        byte* planes = step + PlanesAt + input / PlaneInputs * PlaneBytes + output * 4 + input % 4;
        int quad = input % PlaneInputs / 4;
        int two(byte* plane) => plane[quad % 2 * Q8Layout.QuadBytes] >> quad / 2 * 2 & 3;
        int one(byte* plane) => *plane >> quad & 1;
        int four(byte* plane) => plane[quad % 4 * Q8Layout.QuadBytes] >> quad / 4 * 4 & 15;
        return format.Bits switch
        {
            2 => two(planes),
            3 => two(planes) | one(planes + 2 * Q8Layout.QuadBytes) << 2,
            4 => four(planes),
            5 => four(planes) | one(planes + Planes.UpperAt) << 4,
            _ => four(planes) | two(planes + Planes.UpperAt) << 4,
        };
    }

    internal void Simd<V>(byte* step, int steps, int bias, byte* blocks, float* mins) where V : struct, IByteLanes<V>
    {
        ExpandScales<V>(step, steps, blocks, mins);
        switch (format.Bits)
        {
            case 2: ExpandPlanes<Planes2, V>(step, steps, bias, blocks); break;
            case 3: ExpandPlanes<Planes3, V>(step, steps, bias, blocks); break;
            case 4: ExpandPlanes<Planes4, V>(step, steps, bias, blocks); break;
            case 5: ExpandPlanes<Planes5, V>(step, steps, bias, blocks); break;
            default: ExpandPlanes<Planes6, V>(step, steps, bias, blocks); break;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining), SkipLocalsInit]
    private void ExpandScales<V>(byte* step, int steps, byte* blocks, float* mins) where V : struct, IByteLanes<V>
    {
        float* d = stackalloc float[Outputs], dMin = stackalloc float[Outputs];
        byte* scale = stackalloc byte[Outputs], min = stackalloc byte[Outputs];
        int stepBytes = StepBytes, blockBytes = Layout.WeightBlockBytes, groups = Groups;
        bool hasMins = format.HasMins, hasScales = HasScales, sharesBytes = SharesBytes;
        byte* scales = blocks + Layout.WeightScalesAt;
        for (; steps > 0; steps--, step += stepBytes)
        {
            if (!hasScales)
            {
                Floats(step, (float*)scales);
                if (hasMins) Floats(step + HalvesBytes, mins);
                scales += blockBytes;
                mins += Outputs;
                continue;
            }
            Floats(step, d);
            if (hasMins) Floats(step + HalvesBytes, dMin);
            byte* from = step + ScalesAt, fromMin = step + MinsAt;
            for (int g = 0; g < groups; g++, from += Outputs, fromMin += Outputs, scales += blockBytes, mins += Outputs)
            {
                byte* integers = from, integerMins = fromMin;
                if (sharesBytes)
                {
                    for (int i = 0; i < Outputs; i += V.Count)
                    {
                        V both = V.Load(from + i), mask = V.Fill(15);
                        both.And(mask).Store(scale + i);
                        both.Right(4).And(mask).Store(min + i);
                    }
                    integers = scale;
                    integerMins = min;
                }
                for (int i = 0; i < Outputs; i += 16)
                {
                    V.Scale(integers + i, d + i, (float*)scales + i);
                    if (hasMins) V.Scale(integerMins + i, dMin + i, mins + i);
                }
            }
        }
    }

    // 64 halves.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Floats(byte* halves, float* to)
    {
        for (int i = 0; i < Outputs; i += Vector<ushort>.Count)
        {
            Vector.Widen(Vector.Load((ushort*)halves + i), out Vector<uint> lower, out Vector<uint> upper);
            Vector.Store(FloatRows.FromF16(lower), to + i);
            Vector.Store(FloatRows.FromF16(upper), to + i + Vector<uint>.Count);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ExpandPlanes<TPlanes, V>(byte* step, int steps, int bias, byte* blocks) where TPlanes : struct, IBitPlanes where V : struct, IByteLanes<V>
    {
        // Where 16 inputs share a scale the second four quads are a block of their own.
        int upperAt = Layout.BlockInputs == PlaneInputs ? PlaneInputs / 2 * Outputs : Layout.WeightBlockBytes, pieceBlocksBytes = PlaneInputs / Layout.BlockInputs * Layout.WeightBlockBytes;
        int planesAt = PlanesAt, planeBytes = PlaneBytes, stepBytes = StepBytes, pieces = format.BlockElements / PlaneInputs;
        V add = V.Fill((byte)(bias - format.Offset));
        bool looksUp = format.Codebook.Length > 0;
        V table = V.Repeat(looksUp ? Vector128.Create<sbyte>(format.Codebook).AsByte() + Vector128.Create((byte)bias) : default);
        for (; steps > 0; steps--, step += stepBytes)
        {
            byte* planes = step + planesAt;
            for (int piece = 0; piece < pieces; piece++, planes += planeBytes, blocks += pieceBlocksBytes)
            {
                for (int at = 0; at < Q8Layout.QuadBytes; at += V.Count)
                {
                    if (looksUp)
                    {
                        Choose<TPlanes, V>(planes, at, 0, table, blocks, upperAt);
                        Choose<TPlanes, V>(planes, at, 1, table, blocks, upperAt);
                        Choose<TPlanes, V>(planes, at, 2, table, blocks, upperAt);
                        Choose<TPlanes, V>(planes, at, 3, table, blocks, upperAt);
                    }
                    else
                    {
                        Shift<TPlanes, V>(planes, at, 0, add, blocks, upperAt);
                        Shift<TPlanes, V>(planes, at, 1, add, blocks, upperAt);
                        Shift<TPlanes, V>(planes, at, 2, add, blocks, upperAt);
                        Shift<TPlanes, V>(planes, at, 3, add, blocks, upperAt);
                    }
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Shift<TPlanes, V>(byte* planes, int at, int p, V add, byte* block, int upperAt) where TPlanes : struct, IBitPlanes where V : struct, IByteLanes<V>
    {
        (V first, V second) = TPlanes.Take<V>(planes, at, p);
        first.Add(add).Store(block + p * Q8Layout.QuadBytes + at);
        second.Add(add).Store(block + upperAt + p * Q8Layout.QuadBytes + at);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Choose<TPlanes, V>(byte* planes, int at, int p, V table, byte* block, int upperAt) where TPlanes : struct, IBitPlanes where V : struct, IByteLanes<V>
    {
        (V first, V second) = TPlanes.Take<V>(planes, at, p);
        first.LookUp(table).Store(block + p * Q8Layout.QuadBytes + at);
        second.LookUp(table).Store(block + upperAt + p * Q8Layout.QuadBytes + at);
    }
}
