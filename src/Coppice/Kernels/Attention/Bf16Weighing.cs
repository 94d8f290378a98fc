using System.Runtime.Intrinsics;
using Coppice.Kernels.Emitted;
using Coppice.KvCache;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Coppice.Kernels.Attention;

/// <summary>Makes weights of an item's scores, and moves m where a weight would be above <see cref="Bf16Fold.Limit"/>.</summary>
internal static unsafe class Bf16Weighing
{
    private static readonly Lazy<nint> Code = new(() => ExecutableMemory.Load(EmittedFunction.Assemble([rbx, rbp, rsi, rdi, r14, r15], Emit)));

    /// <summary>Weighs rows from the call's <see cref="Bf16Call.Row"/> on.</summary>
    /// <param name="call">Its item has scores, m, l, p, o and what each row sees.</param>
    /// <param name="rows">Row after the last.</param>
    /// <param name="oRowFloats">From one row of o to the next.</param>
    public static void Run(Bf16Call* call, int rows, int oRowFloats)
    {
        // A row's first block needs no trial, and there is nothing to scale.
        for (int row = (int)call->Row; row < rows; row++)
            if (float.IsNegativeInfinity(call->Item->M[row]) && call->Item->Visible[row] > 0) call->Item->M[row] = LargestScore(call->Item, row);
        call->Rows = rows;
        call->Limit = Bf16Fold.Limit;
        while (true)
        {
            Weigh(call);
            if (call->Row == rows) return;
            Scale(call->Item, (int)call->Row, oRowFloats);
            call->Rows = call->Row + 1;
            call->Limit = float.PositiveInfinity;
            Weigh(call);
            call->Rows = rows;
            call->Limit = Bf16Fold.Limit;
            if (call->Row == rows) return;
        }
    }

    private static void Weigh(Bf16Call* call) => ((delegate* unmanaged[SuppressGCTransition]<Bf16Call*, void>)Code.Value)(call);

    private static void Emit(Assembler code)
    {
        code.mov(rdi, rcx);
        code.mov(rsi, __qword_ptr[rdi + Bf16Call.AtItem]);
        code.mov(r14, __qword_ptr[rdi + Bf16Call.AtRow]);
        Bf16WeighCode.Constants(code);
        Bf16WeighCode.Rows(code);
        code.mov(__qword_ptr[rdi + Bf16Call.AtRow], r14);
    }

    /// <summary>Brings a row's m to its largest score, and l and o with it.</summary>
    private static void Scale(Bf16Item* item, int row, int oRowFloats)
    {
        float* l = item->L + row * Lanes16.Count, o = item->O + row * oRowFloats;
        float max = LargestScore(item, row);
        Vector512<float> correction = Vector512.Create(Exp2.Of(item->M[row] - max));
        item->M[row] = max;
        (Vector512.Load(l) * correction).Store(l);
        for (int i = 0; i < oRowFloats; i += 16) (Vector512.Load(o + i) * correction).Store(o + i);
    }

    private static float LargestScore(Bf16Item* item, int row)
    {
        float* s = item->Scores + row * KvLayout.BlockTokens;
        Vector512<float> none = Vector512.Create(float.NegativeInfinity), max = none;
        Vector512<int> visible = Vector512.Create(item->Visible[row]), index = Vector512<int>.Indices;
        for (int t = 0; t < KvLayout.BlockTokens; t += 16, index += Vector512.Create(16))
            max = Vector512.MaxNative(Vector512.ConditionalSelect(Vector512.LessThan(index, visible).AsSingle(), Vector512.Load(s + t), none), max);
        Vector256<float> max8 = Vector256.MaxNative(max.GetLower(), max.GetUpper());
        return Lanes16.Max(Vector128.MaxNative(max8.GetLower(), max8.GetUpper()));
    }
}
