// Products of some activations with the linear layers of a model, by oneDNN: what `coppice bench linear` measures.
// Weights are reordered once into the layout that oneDNN asks for, and several copies of them are used in turn, so that they
// come from memory as a model's do.
//
//   g++ -O2 onednn.cpp -ldnnl -o onednn && OMP_NUM_THREADS=2 ./onednn f32 16 32
//
// Arguments: f32 or bf16, then numbers of rows. Debian: libdnnl-dev. Prints medians and the best.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

using namespace dnnl;

struct Layer { const char* name; int inputs, outputs; };

static const Layer layers[] = {
    {"tinyllama qkv", 2048, 2560}, {"tinyllama o", 2048, 2048}, {"tinyllama gate+up", 2048, 11264}, {"tinyllama down", 5632, 2048},
};

static void fill(const memory& m, bool bf16) {
    size_t bytes = m.get_desc().get_size();
    if (bf16) {
        auto* p = static_cast<uint16_t*>(m.get_data_handle());
        for (size_t i = 0; i < bytes / 2; i++) p[i] = static_cast<uint16_t>(0x3c00 + (rand() & 0x81ff));
    } else {
        auto* p = static_cast<float*>(m.get_data_handle());
        for (size_t i = 0; i < bytes / 4; i++) p[i] = static_cast<float>(rand() % 2001 - 1000) * 1e-3f;
    }
}

int main(int argc, char** argv) {
    if (argc < 3 || (strcmp(argv[1], "f32") && strcmp(argv[1], "bf16"))) return fprintf(stderr, "usage: %s f32|bf16 ROWS...\n", argv[0]), 2;
    bool bf16 = !strcmp(argv[1], "bf16");
    engine cpu(engine::kind::cpu, 0);
    stream run(cpu);
    for (const Layer& layer : layers) {
        for (int i = 2; i < argc; i++) {
            int rows = atoi(argv[i]);
            auto type = bf16 ? memory::data_type::bf16 : memory::data_type::f32;
            memory::desc x({rows, layer.inputs}, type, memory::format_tag::ab), w({layer.inputs, layer.outputs}, type, memory::format_tag::any), y({rows, layer.outputs}, memory::data_type::f32, memory::format_tag::ab);
            matmul::primitive_desc product(matmul::desc(x, w, y), cpu);
            matmul multiply(product);
            size_t weightBytes = product.weights_desc().get_size(), copies = std::max<size_t>(2, (size_t{900} << 20) / weightBytes);
            std::vector<memory> weights;
            for (size_t c = 0; c < copies; c++) {
                weights.emplace_back(product.weights_desc(), cpu);
                if (c == 0) fill(weights[0], bf16);
                else memcpy(weights[c].get_data_handle(), weights[0].get_data_handle(), weightBytes);
            }
            memory from(product.src_desc(), cpu), to(product.dst_desc(), cpu);
            fill(from, bf16);
            std::vector<double> seconds;
            for (int r = 0; r < 32; r++) {
                auto start = std::chrono::steady_clock::now();
                multiply.execute(run, {{DNNL_ARG_SRC, from}, {DNNL_ARG_WEIGHTS, weights[r % copies]}, {DNNL_ARG_DST, to}});
                run.wait();
                if (r > 1) seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
            }
            std::sort(seconds.begin(), seconds.end());
            double operations = 2.0 * rows * layer.inputs * layer.outputs, median = seconds[seconds.size() / 2];
            printf("%-18s %-4s M=%-4d %7.1f GFLOP/s (best %7.1f)  %5.1f GB/s  %s\n", layer.name, argv[1], rows, operations / median / 1e9, operations / seconds[0] / 1e9, weightBytes / median / 1e9, product.impl_info_str());
            fflush(stdout);
        }
    }
}
