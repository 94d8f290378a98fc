using Coppice.KvCache;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Coppice.Kernels.Attention;

/// <summary>
/// Writes the machine code that makes weights of scores: p = 2^(s - m) rounded to bf16, l = l + Σ p of the rounded ones. It changes zmm0 to zmm19 and
/// k1 to k4, and works on what its callers put into registers: rdi the call, rsi the item, rcx, rdx, rbx and rbp its scores, m, l and p.
/// </summary>
internal static class Bf16WeighCode
{
    public const int ScoreRowBytes = KvLayout.BlockTokens * sizeof(float), WeightRowBytes = KvLayout.BlockTokens * sizeof(ushort), UnitBytes = 64;

    /// <summary>The largest weights of <see cref="HalfRow"/>, of either half of even and of odd rows; zero before the first.</summary>
    public static readonly AssemblerRegisterZMM[] Largest = [zmm16, zmm17, zmm18, zmm19];

    /// <summary>What all of it needs, in zmm8 to zmm12. Changes rax.</summary>
    public static void Constants(Assembler code)
    {
        Broadcast(code, zmm8, BitConverter.SingleToInt32Bits(Bf16Fold.C3));
        Broadcast(code, zmm9, BitConverter.SingleToInt32Bits(Bf16Fold.C2));
        Broadcast(code, zmm10, BitConverter.SingleToInt32Bits(Bf16Fold.C1));
        Broadcast(code, zmm11, BitConverter.SingleToInt32Bits(Bf16Fold.C0));
        Broadcast(code, zmm12, 0x3F803F80);      // 1 twice
    }

    /// <summary>32 positions of a row that sees them all: p and l are written, what l was is kept at r14, the largest weights are noted.</summary>
    public static List<Action> HalfRow(Assembler code, int row, int half)
    {
        int scores = row * ScoreRowBytes + half * 2 * UnitBytes, weights = row * WeightRowBytes + half * UnitBytes;
        AssemblerRegisterZMM first = Largest[row % 2 * 2], second = Largest[row % 2 * 2 + 1];
        List<Action> emits =
        [
            () => code.vbroadcastss(zmm6, __dword_ptr[rdx + row * 4]),
            () => code.vmovups(zmm0, __zmmword_ptr[rcx + scores]),
            () => code.vmovups(zmm1, __zmmword_ptr[rcx + (scores + UnitBytes)]),
            () => code.vmovups(zmm7, __zmmword_ptr[rbx + row * UnitBytes]),
        ];
        if (half == 0) emits.Add(() => code.vmovups(__zmmword_ptr[r14 + row * UnitBytes], zmm7));
        emits.AddRange(Exponentials(code, null, null));
        emits.Add(() => code.vmaxps(first, first, zmm4));
        emits.Add(() => code.vmaxps(second, second, zmm5));
        emits.Add(() => code.vcvtne2ps2bf16(zmm0, zmm5, zmm4));
        emits.Add(() => code.vmovups(__zmmword_ptr[rbp + weights], zmm0));
        emits.Add(() => code.vdpbf16ps(zmm7, zmm0, zmm12));
        emits.Add(() => code.vmovups(__zmmword_ptr[rbx + row * UnitBytes], zmm7));
        return emits;
    }

    /// <summary>Goes where one of <see cref="Largest"/> is above the call's limit.</summary>
    public static void JumpIfAboveLimit(Assembler code, Label target)
    {
        code.vmaxps(Largest[0], Largest[0], Largest[1]);
        code.vmaxps(Largest[2], Largest[2], Largest[3]);
        code.vmaxps(Largest[0], Largest[0], Largest[2]);
        code.vcmpps(k1, Largest[0], __dword_bcst[rdi + Bf16Call.AtLimit], 30);       // greater than, no NaN
        code.kortestw(k1, k1);
        code.jne(target);
    }

    /// <summary>Rows from r14 on, each with what it sees; ends at the call's rows, or with r14 at a row that has a weight above the limit.</summary>
    public static void Rows(Assembler code)
    {
        Label top = code.CreateLabel(), done = code.CreateLabel();
        code.mov(rcx, __qword_ptr[rsi + Bf16Item.AtScores]);
        code.mov(rdx, __qword_ptr[rsi + Bf16Item.AtM]);
        code.mov(rbx, __qword_ptr[rsi + Bf16Item.AtL]);
        code.mov(rbp, __qword_ptr[rsi + Bf16Item.AtP]);
        code.mov(r15, __qword_ptr[rsi + Bf16Item.AtVisible]);
        code.mov(r8, r14);
        code.shl(r8, 6);
        code.add(rbx, r8);
        code.lea(rbp, __[rbp + r8 * 2]);
        code.lea(rcx, __[rcx + r8 * 4]);
        code.Label(ref top);
        code.mov(r8d, __dword_ptr[r15 + r14 * 4]);
        code.mov(r9, -1);
        code.bzhi(r9, r9, r8);
        code.kmovq(k1, r9);
        code.kshiftrq(k2, k1, 16);
        code.kshiftrq(k3, k1, 32);
        code.kshiftrq(k4, k1, 48);
        code.vbroadcastss(zmm6, __dword_ptr[rdx + r14 * 4]);
        code.vmovups(zmm16, __zmmword_ptr[rbx]);
        code.vpxord(zmm13, zmm13, zmm13);
        for (int half = 0; half < 2; half++)
        {
            code.vmovups(zmm0, __zmmword_ptr[rcx + half * 2 * UnitBytes]);
            code.vmovups(zmm1, __zmmword_ptr[rcx + (half * 2 + 1) * UnitBytes]);
            foreach (Action emit in Exponentials(code, half == 0 ? k1 : k3, half == 0 ? k2 : k4)) emit();
            code.vmaxps(zmm13, zmm13, zmm4);
            code.vmaxps(zmm13, zmm13, zmm5);
            code.vcvtne2ps2bf16(zmm0, zmm5, zmm4);
            code.vmovups(__zmmword_ptr[rbp + half * UnitBytes], zmm0);
            code.vdpbf16ps(zmm16, zmm0, zmm12);
        }

        code.vcmpps(k1, zmm13, __dword_bcst[rdi + Bf16Call.AtLimit], 30);
        code.kortestw(k1, k1);
        code.jne(done);
        code.vmovups(__zmmword_ptr[rbx], zmm16);
        code.add(rcx, ScoreRowBytes);
        code.add(rbx, UnitBytes);
        code.add(rbp, WeightRowBytes);
        code.inc(r14);
        code.cmp(r14, __qword_ptr[rdi + Bf16Call.AtRows]);
        code.jne(top);
        code.Label(ref done);
        code.nop();
    }

    /// <summary>zmm4 and zmm5 = 2^(s - m) of the scores in zmm0 and zmm1; zero where a mask is and has no bit.</summary>
    private static IEnumerable<Action> Exponentials(Assembler code, AssemblerRegisterK? mask0, AssemblerRegisterK? mask1)
    {
        yield return () => code.vsubps(zmm0, zmm0, zmm6);
        yield return () => code.vsubps(zmm1, zmm1, zmm6);
        yield return () => code.vreduceps(zmm2, zmm0, 9);       // x - floor(x)
        yield return () => code.vreduceps(zmm3, zmm1, 9);
        yield return () => code.vmovaps(zmm4, zmm8);
        yield return () => code.vmovaps(zmm5, zmm8);
        foreach (AssemblerRegisterZMM coefficient in (AssemblerRegisterZMM[])[zmm9, zmm10, zmm11])
        {
            yield return () => code.vfmadd213ps(zmm4, zmm2, coefficient);
            yield return () => code.vfmadd213ps(zmm5, zmm3, coefficient);
        }

        yield return () => code.vscalefps(mask0 is { } first ? Masked(zmm4, first) : zmm4, zmm4, zmm0);
        yield return () => code.vscalefps(mask1 is { } second ? Masked(zmm5, second) : zmm5, zmm5, zmm1);
    }

    private static void Broadcast(Assembler code, AssemblerRegisterZMM register, int bits)
    {
        code.mov(eax, bits);
        code.vpbroadcastd(register, eax);
    }

    private static AssemblerRegisterZMM Masked(AssemblerRegisterZMM register, AssemblerRegisterK mask) =>
        (mask == k1 ? register.k1 : mask == k2 ? register.k2 : mask == k3 ? register.k3 : register.k4).z;
}
