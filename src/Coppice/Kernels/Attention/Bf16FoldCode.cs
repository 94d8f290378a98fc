using System.Runtime.InteropServices;
using Coppice.Kernels.Emitted;
using Coppice.KvCache;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Coppice.Kernels.Attention;

/// <summary>What one item of <see cref="Bf16FoldCode"/> works on: up to 16 rows, or 32 whole ones, by one block of 64 positions. The emitted code reads the fields at their offsets.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal unsafe struct Bf16Item
{
    public const int Bytes = 128;
    public const int AtQ = 0, AtKeys = 8, AtScores = 40, AtM = 48, AtL = 56, AtP = 64, AtValues0 = 72, AtValues1 = 80, AtO = 88, AtVisible = 96, AtAhead = 104, AtAheadPages = 112;

    /// <summary>[rows][D] bf16.</summary>
    [FieldOffset(AtQ)] public ushort* Q;

    /// <summary>Four pages, [D/2][16][2] bf16.</summary>
    [FieldOffset(AtKeys)] public byte* Keys0;
    [FieldOffset(AtKeys + 8)] public byte* Keys1;
    [FieldOffset(AtKeys + 16)] public byte* Keys2;
    [FieldOffset(AtKeys + 24)] public byte* Keys3;

    /// <summary>[32][64] floats.</summary>
    [FieldOffset(AtScores)] public float* Scores;

    /// <summary>[rows].</summary>
    [FieldOffset(AtM)] public float* M;

    /// <summary>[rows][16].</summary>
    [FieldOffset(AtL)] public float* L;

    /// <summary>[32][64] bf16.</summary>
    [FieldOffset(AtP)] public ushort* P;

    /// <summary>32 positions, [16][padded D][2] bf16.</summary>
    [FieldOffset(AtValues0)] public byte* Values0;
    [FieldOffset(AtValues1)] public byte* Values1;

    /// <summary>[rows][padded D].</summary>
    [FieldOffset(AtO)] public float* O;

    /// <summary>[rows]: positions of the block that a row sees. Not read by the code for whole items.</summary>
    [FieldOffset(AtVisible)] public int* Visible;

    /// <summary>Addresses of pages that are to be fetched meanwhile, of keys or of values.</summary>
    [FieldOffset(AtAhead)] public byte** Ahead;

    /// <summary>0 to 8 of them.</summary>
    [FieldOffset(AtAheadPages)] public nint AheadPages;
}

/// <summary>A call of <see cref="Bf16FoldCode"/>.</summary>
[StructLayout(LayoutKind.Explicit)]
internal unsafe struct Bf16Call
{
    public const int AtConfiguration = 0, AtItem = 64, AtEnd = 72, AtRows = 96, AtRow = 104, AtLimit = 112, AtFirst = 120, AtKeptL = 128;

    /// <summary>Shapes of the tile registers.</summary>
    [FieldOffset(AtConfiguration)] public fixed byte Configuration[64];

    /// <summary>In: the first item. Out: the item at which a row's m must move, or <see cref="End"/>.</summary>
    [FieldOffset(AtItem)] public Bf16Item* Item;

    [FieldOffset(AtEnd)] public Bf16Item* End;

    /// <summary>1 to 16.</summary>
    [FieldOffset(AtRows)] public nint Rows;

    /// <summary>First row to weigh. Out: the row whose m must move, or <see cref="Rows"/>.</summary>
    [FieldOffset(AtRow)] public nint Row;

    /// <summary>Weights above it stop the code.</summary>
    [FieldOffset(AtLimit)] public float Limit;

    /// <summary>1: nothing is in flight yet. 0: the values of the item in front are still to be added, and the scores of a whole item are there.</summary>
    [FieldOffset(AtFirst)] public nint First;

    /// <summary>[32][16]: what l was before the item at which whole items stopped.</summary>
    [FieldOffset(AtKeptL)] public float* KeptL;
}

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

    private const int BlockTokens = KvLayout.BlockTokens, ScoreRowBytes = BlockTokens * 4, WeightRowBytes = BlockTokens * 2, UnitBytes = 64;

    // Fetches of an item: each page in so many parts.
    private const int AheadPages = 8, AheadParts = 8;

    private static readonly AssemblerRegisterTMM[] Sums = [tmm0, tmm1, tmm2, tmm3];
    private static readonly AssemblerRegisterTMM[] Columns = [tmm5, tmm6, tmm7];

    private static readonly AssemblerRegisterZMM[] Largest = [zmm16, zmm17, zmm18, zmm19];
    private static readonly AssemblerRegister64[] Kept = [rbx, rbp, r12, r13, r14, r15];

    private readonly delegate* unmanaged[SuppressGCTransition]<Bf16Call*, void> _whole, _rows, _weigh;
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
        _weigh = (delegate* unmanaged[SuppressGCTransition]<Bf16Call*, void>)MatrixUnit.Load(EmitWeigh);
    }

    /// <summary>
    /// Folds items of 32 rows that see all of their blocks. The item in front of the first and the one at End are worked on as well, so
    /// they must stand for some memory. Stops at an item with a weight above the limit, which is not folded then but for l: that was kept.
    /// </summary>
    public void Whole(Bf16Call* call) => _whole(call);

    /// <summary>Folds items of up to 16 rows that see what Visible says, without the pipeline. Stops at a row with a weight above the limit.</summary>
    public void Rows(Bf16Call* call) => _rows(call);

    /// <summary>Only weighs, one item, from a row on.</summary>
    public void Weigh(Bf16Call* call) => _weigh(call);

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
        foreach (AssemblerRegisterZMM largest in Largest) code.vpxord(largest, largest, largest);
        // The scores of the next item take the place of this one's: halves are stored in the order in which they were weighed, and later.
        List<Action> tiles = [.. WholeValues(code, -Bf16Item.Bytes), .. WholeScores(code, Bf16Item.Bytes)];
        List<Action> vectors = [.. Enumerable.Range(0, 2 * WholeRows).SelectMany(i => WeighHalfRow(code, i % WholeRows, i / WholeRows))];
        int emitted = 0, fetched = 0;
        for (int i = 0; i < tiles.Count; i++)
        {
            for (; fetched * tiles.Count < i * AheadPages * AheadParts; fetched++) Fetch(code, fetched % AheadPages, fetched / AheadPages);
            for (int due = Math.Min(vectors.Count, vectors.Count * (i + 1) / (tiles.Count - 4)); emitted < due; emitted++) vectors[emitted]();
            tiles[i]();
        }

        code.vmaxps(Largest[0], Largest[0], Largest[1]);
        code.vmaxps(Largest[2], Largest[2], Largest[3]);
        code.vmaxps(Largest[0], Largest[0], Largest[2]);
        code.vcmpps(k1, Largest[0], __dword_bcst[rdi + Bf16Call.AtLimit], 30);       // greater than, no NaN
        code.kortestw(k1, k1);
        code.jne(done);
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
        WeighRows(code);
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

    private void EmitWeigh(Assembler code)
    {
        Begin(code);
        code.mov(r14, __qword_ptr[rdi + Bf16Call.AtRow]);
        WeighRows(code);
        code.mov(__qword_ptr[rdi + Bf16Call.AtRow], r14);
        End(code);
    }

    private void Begin(Assembler code)
    {
        foreach (AssemblerRegister64 register in Kept) code.push(register);
        code.mov(rsi, __qword_ptr[rdi + Bf16Call.AtItem]);
        Broadcast(code, zmm8, Bf16Fold.C3);
        Broadcast(code, zmm9, Bf16Fold.C2);
        Broadcast(code, zmm10, Bf16Fold.C1);
        Broadcast(code, zmm11, Bf16Fold.C0);
        code.mov(eax, 0x3F803F80);      // 1 twice
        code.vpbroadcastd(zmm12, eax);
        code.mov(eax, _keyStepBytes);
    }

    private static void Broadcast(Assembler code, AssemblerRegisterZMM register, float x)
    {
        code.mov(eax, BitConverter.SingleToInt32Bits(x));
        code.vpbroadcastd(register, eax);
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

    /// <summary>32 positions of a row that sees them all: p and l are written, the largest weights noted.</summary>
    private static List<Action> WeighHalfRow(Assembler code, int row, int half)
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

    /// <summary>Rows from r14 on, each with what it sees; ends at the call's rows, or with r14 at a row that has a weight above the limit.</summary>
    private static void WeighRows(Assembler code)
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

    private static AssemblerRegisterZMM Masked(AssemblerRegisterZMM register, AssemblerRegisterK mask) =>
        (mask == k1 ? register.k1 : mask == k2 ? register.k2 : mask == k3 ? register.k3 : register.k4).z;
}
