#include "kernels/gemm/select.h"

#include <cmath>

#include "kernels/gemm/kernels.h"
#include "kernels/gemm/variant.h"

namespace smelt {

namespace {

// Lanes of a vector that hold sums of the same column: of float32 kernels for few columns.
size_t lanes_of_a_column(const GemmKernel& kernel) {
  return kernel.variant == GemmVariant::kPf32 && kernel.isa == Isa::kAvx512 ? kernel.rhs.kr : 1;
}

// The most columns for which they were measured to be faster.
constexpr size_t kFewColumns = 8;

// Why a kernel cannot serve at all, or nothing.
std::string unfit(const GemmKernel& kernel, const GemmShape& shape, const Cpu& cpu,
                  const PackLayout* packed) {
  if (!cpu.isa.has(kernel.isa)) return fmt::format("{} is not available", name(kernel.isa));
  if (packed != nullptr && kernel.rhs != *packed)
    return "reads another layout than the weights have";
  if (shape.m > kernel.max_m) return fmt::format("is for m up to {}", kernel.max_m);
  if (shape.taps * shape.kc > kernel.max_k) return fmt::format("is for k up to {}", kernel.max_k);
  if (packed == nullptr && lanes_of_a_column(kernel) > 1 && shape.n > kFewColumns)
    return fmt::format("is for n up to {}", kFewColumns);
  if (shape.block % kernel.rhs.kr != 0)
    return fmt::format("keeps {} k together, scales change every {}", kernel.rhs.kr, shape.block);
  return {};
}

// Columns that the tile of the last panel has: on x86 half as many as a panel, or a quarter, where
// that is enough (see kNarrowTiles).
size_t last_columns(const GemmKernel& kernel, size_t n, size_t nr) {
  const bool narrow = kernel.isa >= Isa::kAvx2 && kernel.isa <= Isa::kAvx512Bf16;
  size_t last = nr;
  while (narrow && last > 16 && (n - 1) % nr < last / 2) last /= 2;
  return last;
}

// What a multiply-accumulate of the product costs, where 1 is one that a tile of unlimited size
// would do: more for rows and columns that the tiles compute in vain, and for what they load (1 /
// mr + 1 / nr per multiply-accumulate).
double cost(const GemmKernel& kernel, const GemmShape& shape, const Cpu& cpu) {
  const auto padded = [](size_t n, size_t tile) {
    return double((n + tile - 1) / tile * tile) / double(n);
  };
  const size_t nr = kernel.nr.at(cpu.sme_vl32), mr = kernel.mr.at(cpu.sme_vl32);
  // Kernels that read rows in place end a block with lower tiles; packed ones compute whole panels.
  const double rows = kernel.lhs_form == LhsForm::kPacked
                          ? padded(std::max<size_t>(shape.m, 1), kernel.lhs.rows.at(cpu.sme_vl32))
                          : 1;
  // Measured with AVX-512, whose vectors of weights have 16 elements: 12 x 16 takes 1.12 times as
  // long as 6 x 64. Advanced SIMD's have 4: 8 x 8 executes 1.03 times the instructions of 5 x 16.
  const size_t lanes = lanes_of_a_column(kernel);
  const bool neon = kernel.isa >= Isa::kNeon && kernel.isa <= Isa::kNeonBf16;
  const size_t n = std::max<size_t>(shape.n, 1), last = last_columns(kernel, n, nr);
  const double loads =
      0.2 * (1 / double(mr) + (neon ? 4 : 16) / double(lanes * (n < nr ? last : nr)));
  const double columns = double((n - 1) / nr * nr + last) / double(n);
  // Where lanes share a column: zeros at the end of each tap, and the additions at the end.
  const double k = double(std::max<size_t>(shape.taps * shape.kc, 1));
  const double steps = lanes == 1 ? 1 : padded(std::max<size_t>(shape.kc, 1), kernel.rhs.kr);
  const double folds = lanes == 1 ? 0 : 4 * std::log2(lanes) * double(lanes) / k;
  // Of tiles that compute the same, the one whose panels have fewer zeros.
  return rows * columns * (steps * (1 + loads) + folds) + 1e-3 * padded(n, nr);
}

// Why `b` is worse than `a`, or nothing if it is not.
std::string worse(const GemmKernel& a, const GemmKernel& b, const GemmShape& shape,
                  const Cpu& cpu) {
  if (a.max_m != b.max_m && std::min(a.max_m, b.max_m) >= shape.m)
    return a.max_m < b.max_m ? fmt::format("is for any m, here m is {}", shape.m) : "";
  if (a.isa != b.isa)
    return a.isa > b.isa ? fmt::format("{} is less capable than {}", name(b.isa), name(a.isa)) : "";
  const double ca = cost(a, shape, cpu), cb = cost(b, shape, cpu);
  if (ca != cb)
    return ca < cb
               ? fmt::format(
                     "would cost {:.2f} per multiply-accumulate with padding and loads, not {:.2f}",
                     cb, ca)
               : "";
  return "is listed later";
}

}  // namespace

Result<const GemmKernel*> select_gemm(GemmVariant variant, const GemmShape& shape, const Cpu& cpu,
                                      const PackLayout* packed,
                                      std::vector<RejectedKernel>* rejected) {
  const GemmKernel* best = nullptr;
  std::vector<const GemmKernel*> fit;
  for (const GemmKernel* kernel : gemm_kernels(cpu)) {
    if (kernel->variant != variant) continue;
    if (std::string why = unfit(*kernel, shape, cpu, packed); !why.empty()) {
      if (rejected != nullptr) rejected->push_back({kernel, std::move(why)});
      continue;
    }
    fit.push_back(kernel);
    if (best == nullptr || worse(*best, *kernel, shape, cpu).empty()) best = kernel;
  }
  if (best == nullptr)
    return fail(ErrorCode::kUnsupported, "no kernel for {} with m = {}, n = {}, k = {} x {}",
                signature(variant).name, shape.m, shape.n, shape.taps, shape.kc);
  if (rejected != nullptr)
    for (const GemmKernel* kernel : fit)
      if (kernel != best) rejected->push_back({kernel, worse(*best, *kernel, shape, cpu)});
  return best;
}

}  // namespace smelt
