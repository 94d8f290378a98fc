using System.ComponentModel;
using Coppice.Kernels;
using Coppice.Kernels.Emitted;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Coppice.Cli.Bench.Machine;

/// <summary>A loop of AMX products that never leaves the tile registers.</summary>
internal static unsafe class MatrixPeak
{
    private const int Loops = 256, ProductsPerLoop = 8, Rows = 16, RowBytes = 64, ConfigurationBytes = 64;

    /// <summary>Null where there is no AMX for the format.</summary>
    public static ComputePeak? Of(DotFormat format)
    {
        bool has = format switch { DotFormat.BF16 => Isa.HasMatrixBf16, DotFormat.Int8 => Isa.HasMatrixInt8, _ => false };
        if (!has || MatrixUnit.WhyNot is not null) return null;
        delegate* unmanaged[SuppressGCTransition]<byte*, void> loop;
        try
        {
            loop = (delegate* unmanaged[SuppressGCTransition]<byte*, void>)MatrixUnit.Load(code => Emit(code, format));
        }
        catch (Win32Exception)
        {
            return null;
        }
        // A product sums 64 bytes of each of 16 rows with those of each of 16 columns.
        double operations = 2.0 * Rows * Rows * (RowBytes / (format == DotFormat.BF16 ? 2 : 1)) * ProductsPerLoop * Loops;
        return new ComputePeak($"{format.ToString().ToLowerInvariant()} matrix unit", format, operations, _ => Run((nint)loop));
    }

    private static void Run(nint loop)
    {
        byte* configuration = stackalloc byte[ConfigurationBytes];
        new Span<byte>(configuration, ConfigurationBytes).Clear();
        for (int register = 0; register < 8; register++) MatrixUnit.Shape(configuration, register, Rows, RowBytes);
        ((delegate* unmanaged[SuppressGCTransition]<byte*, void>)loop)(configuration);
    }

    private static void Emit(Assembler code, DotFormat format)
    {
        AssemblerRegisterTMM[] sums = [tmm0, tmm1, tmm2, tmm3, tmm4, tmm5];
        Label top = code.CreateLabel();
        code.ldtilecfg(__[rdi]);
        foreach (AssemblerRegisterTMM register in (AssemblerRegisterTMM[])[.. sums, tmm6, tmm7]) code.tilezero(register);
        code.mov(ecx, Loops);
        code.Label(ref top);
        for (int i = 0; i < ProductsPerLoop; i++)
        {
            AssemblerRegisterTMM sum = sums[i % sums.Length];
            if (format == DotFormat.BF16) code.tdpbf16ps(sum, tmm6, tmm7);
            else code.tdpbssd(sum, tmm6, tmm7);
        }
        code.dec(ecx);
        code.jne(top);
        code.tilerelease();
        code.ret();
    }
}
