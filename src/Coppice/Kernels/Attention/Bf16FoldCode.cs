using Coppice.Kernels.Emitted;
using Coppice.KvCache;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Coppice.Kernels.Attention;

/// <summary>
/// The machine code of <see cref="Bf16Fold"/> for one head size. An item goes through three stages: scores by AMX, weights on vectors,
/// values by AMX. Whole items (32 rows that see all of the block) are pipelined: while item i is weighed, the values of i - 1 and the
/// scores of i + 1 are multiplied, instruction by instruction in between, since the matrix unit works beside the vector units. Items
/// stand in an array, so that one call, which configures and releases the tile registers, does many. Each fetches some pages of a later
/// block from memory, a few lines at a time.
/// </summary>
internal sealed unsafe class Bf16FoldCode
{
    public const int TileRows = 16, WholeRows = 2 * TileRows, StepInputs = 32;

    private const int ScoreRowBytes = Bf16WeighCode.ScoreRowBytes, WeightRowBytes = Bf16WeighCode.WeightRowBytes, UnitBytes = Bf16WeighCode.UnitBytes;

    // Fetches of an item: each page in so many parts.
    private const int AheadPages = 8, AheadParts = 8;

    private static readonly AssemblerRegisterTMM[] Sums = [tmm0, tmm1, tmm2, tmm3];
    private static readonly AssemblerRegisterTMM[] Columns = [tmm5, tmm6, tmm7];

    private static readonly AssemblerRegister64[] Kept = [rbx, rbp, r12, r13, r14, r15];

    private readonly delegate* unmanaged[SuppressGCTransition]<Bf16Call*, void> _whole, _rows;
    private readonly int _steps, _units, _qRowBytes, _rowBytes, _keyStepBytes;

    /// <param name="headSize">D.</param>
    /// <param name="keyStepBytes"><see cref="KvLayout.KeyStepBytes"/>.</param>
    public Bf16FoldCode(int headSize, int keyStepBytes = KvLayout.KeyLineBytes)
    {
        _keyStepBytes = keyStepBytes;
        _steps = headSize / StepInputs;
        _units = headSize / 16;
        _qRowBytes = headSize * sizeof(ushort);
        _rowBytes = headSize * sizeof(float);
        _whole = (delegate* unmanaged[SuppressGCTransition]<Bf16Call*, void>)MatrixUnit.Load(EmitWhole);
        _rows = (delegate* unmanaged[SuppressGCTransition]<Bf16Call*, void>)MatrixUnit.Load(EmitRows);
    }

    /// <summary>
    /// Folds items of 32 rows that see all of their blocks. The item in front of the first and the one at End are worked on as well, so
    /// they must stand for some memory. Stops at an item with a weight above the limit, which is not folded then but for l: that was kept.
    /// </summary>
    public void Whole(Bf16Call* call) => _whole(call);

    /// <summary>Folds items of up to 16 rows that see what Visible says, without the pipeline. Stops at a row with a weight above the limit.</summary>
    public void Rows(Bf16Call* call) => _rows(call);

    // rdi: the call, rsi: the item, rax: the step of keys, rcx, rdx, rbx, rbp: scores, m, l and p of the weighed item, r8 to r13: operands of tiles, r14: kept l.
    private void EmitWhole(Assembler code)
    {
        Begin(code);
        code.ldtilecfg(__[rdi + Bf16Call.AtConfiguration]);
        code.mov(r14, __qword_ptr[rdi + Bf16Call.AtKeptL]);
        Label top = code.CreateLabel(), done = code.CreateLabel();
        foreach (Action emit in WholeScores(code, 0)) emit();
        code.Label(ref top);
        code.mov(rcx, __qword_ptr[rsi + Bf16Item.AtScores]);
        code.mov(rdx, __qword_ptr[rsi + Bf16Item.AtM]);
        code.mov(rbx, __qword_ptr[rsi + Bf16Item.AtL]);
        code.mov(rbp, __qword_ptr[rsi + Bf16Item.AtP]);
        foreach (AssemblerRegisterZMM largest in Bf16WeighCode.Largest) code.vpxord(largest, largest, largest);
        // The scores of the next item take the place of this one's: halves are stored in the order in which they were weighed, and later.
        List<Action> tiles = [.. WholeValues(code, -Bf16Item.Bytes), .. WholeScores(code, Bf16Item.Bytes)];
        List<Action> vectors = [.. Enumerable.Range(0, 2 * WholeRows).SelectMany(i => Bf16WeighCode.HalfRow(code, i % WholeRows, i / WholeRows))];
        int emitted = 0, fetched = 0;
        for (int i = 0; i < tiles.Count; i++)
        {
            for (; fetched * tiles.Count < i * AheadPages * AheadParts; fetched++) Fetch(code, fetched % AheadPages, fetched / AheadPages);
            for (int due = Math.Min(vectors.Count, vectors.Count * (i + 1) / (tiles.Count - 4)); emitted < due; emitted++) vectors[emitted]();
            tiles[i]();
        }

        Bf16WeighCode.JumpIfAboveLimit(code, done);
        code.add(rsi, Bf16Item.Bytes);
        code.cmp(rsi, __qword_ptr[rdi + Bf16Call.AtEnd]);
        code.jne(top);
        foreach (Action emit in WholeValues(code, -Bf16Item.Bytes)) emit();
        code.Label(ref done);
        code.mov(__qword_ptr[rdi + Bf16Call.AtItem], rsi);
        code.tilerelease();
        End(code);
    }

    private void Fetch(Assembler code, int page, int part)
    {
        int lines = KvLayout.PageTokens * _qRowBytes / UnitBytes;
        Label nothing = code.CreateLabel();
        code.cmp(__qword_ptr[rsi + Bf16Item.AtAheadPages], page);
        code.jle(nothing);
        code.mov(r15, __qword_ptr[rsi + Bf16Item.AtAhead]);
        code.mov(r15, __qword_ptr[r15 + page * 8]);
        for (int line = part * lines / AheadParts; line < (part + 1) * lines / AheadParts; line++) code.prefetcht1(__byte_ptr[r15 + line * UnitBytes]);
        code.Label(ref nothing);
        code.nop();
    }

    private void EmitRows(Assembler code)
    {
        Begin(code);
        code.ldtilecfg(__[rdi + Bf16Call.AtConfiguration]);
        Label top = code.CreateLabel(), first = code.CreateLabel(), done = code.CreateLabel(), stopped = code.CreateLabel();
        code.cmp(__qword_ptr[rdi + Bf16Call.AtFirst], 0);
        code.jne(first);
        code.Label(ref top);
        foreach (Action emit in Values(code, -Bf16Item.Bytes)) emit();
        code.Label(ref first);
        code.cmp(rsi, __qword_ptr[rdi + Bf16Call.AtEnd]);
        code.je(done);
        foreach (Action emit in Scores(code, 0)) emit();
        code.xor(r14d, r14d);
        Bf16WeighCode.Rows(code);
        code.cmp(r14, __qword_ptr[rdi + Bf16Call.AtRows]);
        code.jne(stopped);
        code.add(rsi, Bf16Item.Bytes);
        code.jmp(top);
        code.Label(ref stopped);
        code.mov(__qword_ptr[rdi + Bf16Call.AtRow], r14);
        code.Label(ref done);
        code.mov(__qword_ptr[rdi + Bf16Call.AtItem], rsi);
        code.tilerelease();
        End(code);
    }

    private void Begin(Assembler code)
    {
        foreach (AssemblerRegister64 register in Kept) code.push(register);
        code.mov(rsi, __qword_ptr[rdi + Bf16Call.AtItem]);
        Bf16WeighCode.Constants(code);
        code.mov(eax, _keyStepBytes);
    }

    private static void End(Assembler code)
    {
        code.vzeroupper();
        foreach (AssemblerRegister64 register in Kept.Reverse()) code.pop(register);
        code.ret();
    }

    /// <summary>scores[r][t] = q[r] · k[t]: one tile of rows by four pages.</summary>
    private List<Action> Scores(Assembler code, int itemBytes)
    {
        AssemblerRegister64[] keys = [r10, r11, r12, r13];
        List<Action> emits =
        [
            () =>
            {
                code.mov(r8, __qword_ptr[rsi + (itemBytes + Bf16Item.AtQ)]);
                code.mov(r9d, _qRowBytes);
                for (int page = 0; page < 4; page++) code.mov(keys[page], __qword_ptr[rsi + (itemBytes + Bf16Item.AtKeys + page * 8)]);
                foreach (AssemblerRegisterTMM sum in Sums) code.tilezero(sum);
            },
        ];
        for (int step = 0; step < _steps; step++)
        {
            int at = step;
            emits.Add(() => code.tileloadd(tmm4, __[r8 + r9 * 1 + at * StepInputs * 2]));
            for (int page = 0; page < 4; page++)
            {
                int unit = page;
                emits.Add(() => code.tileloadd(Columns[unit % 3], __[keys[unit] + rax * 1 + at * 16 * _keyStepBytes]));
                emits.Add(() => code.tdpbf16ps(Sums[unit], tmm4, Columns[unit % 3]));
            }
        }

        emits.Add(() =>
        {
            code.mov(r8, __qword_ptr[rsi + (itemBytes + Bf16Item.AtScores)]);
            code.mov(r9d, ScoreRowBytes);
            code.tilestored(__[r8 + r9 * 1], tmm0);
        });
        for (int page = 1; page < 4; page++)
        {
            int unit = page;
            emits.Add(() => code.tilestored(__[r8 + r9 * 1 + unit * UnitBytes], Sums[unit]));
        }

        return emits;
    }

    /// <summary>o[r] += p[r] · v: one tile of rows by four units of 16 columns at a time.</summary>
    private List<Action> Values(Assembler code, int itemBytes)
    {
        List<Action> emits =
        [
            () =>
            {
                code.mov(r8, __qword_ptr[rsi + (itemBytes + Bf16Item.AtP)]);
                code.mov(r9d, WeightRowBytes);
                code.mov(r10, __qword_ptr[rsi + (itemBytes + Bf16Item.AtValues0)]);
                code.mov(r11, __qword_ptr[rsi + (itemBytes + Bf16Item.AtValues1)]);
                code.mov(r12d, _rowBytes);
                code.mov(r13, __qword_ptr[rsi + (itemBytes + Bf16Item.AtO)]);
            },
        ];
        for (int first = 0; first < _units; first += 4)
        {
            int columns = first, units = Math.Min(4, _units - first);
            for (int i = 0; i < units; i++)
            {
                int unit = i;
                emits.Add(() => code.tileloadd(Sums[unit], __[r13 + r12 * 1 + (columns + unit) * UnitBytes]));
            }

            for (int step = 0; step < 2; step++)
            {
                AssemblerRegister64 values = step == 0 ? r10 : r11;
                int at = step;
                emits.Add(() => code.tileloadd(tmm4, __[r8 + r9 * 1 + at * UnitBytes]));
                for (int i = 0; i < units; i++)
                {
                    int unit = i;
                    emits.Add(() => code.tileloadd(Columns[unit % 3], __[values + r12 * 1 + (columns + unit) * UnitBytes]));
                    emits.Add(() => code.tdpbf16ps(Sums[unit], tmm4, Columns[unit % 3]));
                }
            }

            for (int i = 0; i < units; i++)
            {
                int unit = i;
                emits.Add(() => code.tilestored(__[r13 + r12 * 1 + (columns + unit) * UnitBytes], Sums[unit]));
            }
        }

        return emits;
    }

    /// <summary>As <see cref="Scores"/> for 32 rows: two tiles of rows by two pages, and again for the other two.</summary>
    private List<Action> WholeScores(Assembler code, int itemBytes)
    {
        List<Action> emits = [];
        for (int half = 0; half < 2; half++)
        {
            int pages = half * 2;
            emits.Add(() =>
            {
                code.mov(r8, __qword_ptr[rsi + (itemBytes + Bf16Item.AtQ)]);
                code.mov(r9d, _qRowBytes);
                code.mov(r10, __qword_ptr[rsi + (itemBytes + Bf16Item.AtKeys + pages * 8)]);
                code.mov(r11, __qword_ptr[rsi + (itemBytes + Bf16Item.AtKeys + pages * 8 + 8)]);
                foreach (AssemblerRegisterTMM sum in Sums) code.tilezero(sum);
            });
            for (int step = 0; step < _steps; step++)
            {
                int at = step;
                emits.AddRange(TwoByTwo(code,
                    __[r8 + r9 * 1 + at * StepInputs * 2], __[r8 + r9 * 1 + (TileRows * _qRowBytes + at * StepInputs * 2)],
                    __[r10 + rax * 1 + at * 16 * _keyStepBytes], __[r11 + rax * 1 + at * 16 * _keyStepBytes]));
            }

            emits.Add(() =>
            {
                code.mov(r8, __qword_ptr[rsi + (itemBytes + Bf16Item.AtScores)]);
                code.mov(r9d, ScoreRowBytes);
                code.tilestored(__[r8 + r9 * 1 + pages * UnitBytes], tmm0);
            });
            emits.Add(() => code.tilestored(__[r8 + r9 * 1 + (pages + 1) * UnitBytes], tmm1));
            emits.Add(() => code.tilestored(__[r8 + r9 * 1 + (TileRows * ScoreRowBytes + pages * UnitBytes)], tmm2));
            emits.Add(() => code.tilestored(__[r8 + r9 * 1 + (TileRows * ScoreRowBytes + (pages + 1) * UnitBytes)], tmm3));
        }

        return emits;
    }

    /// <summary>As <see cref="Values"/> for 32 rows: two tiles of rows by two units of 16 columns at a time.</summary>
    private List<Action> WholeValues(Assembler code, int itemBytes)
    {
        List<Action> emits =
        [
            () =>
            {
                code.mov(r8, __qword_ptr[rsi + (itemBytes + Bf16Item.AtP)]);
                code.mov(r9d, WeightRowBytes);
                code.mov(r10, __qword_ptr[rsi + (itemBytes + Bf16Item.AtValues0)]);
                code.mov(r11, __qword_ptr[rsi + (itemBytes + Bf16Item.AtValues1)]);
                code.mov(r12d, _rowBytes);
                code.mov(r13, __qword_ptr[rsi + (itemBytes + Bf16Item.AtO)]);
            },
        ];
        for (int first = 0; first < _units; first += 2)
        {
            int column = first * UnitBytes;
            AssemblerMemoryOperand[] o =
            [
                __[r13 + r12 * 1 + column], __[r13 + r12 * 1 + (column + UnitBytes)],
                __[r13 + r12 * 1 + (TileRows * _rowBytes + column)], __[r13 + r12 * 1 + (TileRows * _rowBytes + column + UnitBytes)],
            ];
            for (int i = 0; i < 4; i++)
            {
                int sum = i;
                emits.Add(() => code.tileloadd(Sums[sum], o[sum]));
            }

            for (int step = 0; step < 2; step++)
            {
                AssemblerRegister64 values = step == 0 ? r10 : r11;
                emits.AddRange(TwoByTwo(code,
                    __[r8 + r9 * 1 + step * UnitBytes], __[r8 + r9 * 1 + (TileRows * WeightRowBytes + step * UnitBytes)],
                    __[values + r12 * 1 + column], __[values + r12 * 1 + (column + UnitBytes)]));
            }

            for (int i = 0; i < 4; i++)
            {
                int sum = i;
                emits.Add(() => code.tilestored(o[sum], Sums[sum]));
            }
        }

        return emits;
    }

    private static List<Action> TwoByTwo(Assembler code, AssemblerMemoryOperand a0, AssemblerMemoryOperand a1, AssemblerMemoryOperand b0, AssemblerMemoryOperand b1) =>
    [
        () => code.tileloadd(tmm4, a0),
        () => code.tileloadd(tmm6, b0),
        () => code.tdpbf16ps(tmm0, tmm4, tmm6),
        () => code.tileloadd(tmm7, b1),
        () => code.tdpbf16ps(tmm1, tmm4, tmm7),
        () => code.tileloadd(tmm5, a1),
        () => code.tdpbf16ps(tmm2, tmm5, tmm6),
        () => code.tdpbf16ps(tmm3, tmm5, tmm7),
    ];
}
