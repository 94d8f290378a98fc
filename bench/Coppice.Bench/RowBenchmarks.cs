using BenchmarkDotNet.Attributes;
using Coppice.Kernels;
using Coppice.Models;

namespace Coppice.Bench;

/// <summary>The kernels that pass over one row: what a step does between its products.</summary>
public class RowBenchmarks : IDisposable
{
    private float[] _x = [], _w = [], _y = [];
    private RopeTable _table = null!;

    /// <summary>E: width of the row.</summary>
    [Params(768, 2_048, 4_096)]
    public int Width { get; set; }

    /// <summary>Makes the row.</summary>
    [GlobalSetup]
    public void Create()
    {
        var random = new Random(1);
        _x = [.. Enumerable.Range(0, Width).Select(_ => (float)(random.NextDouble() * 2 - 1))];
        _w = [.. _x.Reverse()];
        _y = new float[Width];
        _table = RopeTable.Create(headSize: 64, 10_000, 128, RopePairing.Halves);
    }

    /// <summary>RMSNorm.</summary>
    [Benchmark]
    public void Norm() => RmsNorm.Run(_x, _w, 1e-5f, _y);

    /// <summary>silu(gate) · up.</summary>
    [Benchmark]
    public void SwiGlu() => Elementwise.Apply<Gated<Silu>>(_x, _w, _y);

    /// <summary>The residual.</summary>
    [Benchmark]
    public void Add() => Elementwise.Apply<Add>(_x, _w, _y);

    /// <summary>RoPE of all heads of the row.</summary>
    [Benchmark]
    public void RopeHeads() => Rope.Run(_y, Width / 64, 64, _table, 100);

    /// <summary>Frees the table.</summary>
    [GlobalCleanup]
    public void Dispose() => _table.Dispose();
}
