#include "kernels/gemm/select.h"

#include "kernels/gemm/kernels.h"
#include "kernels/gemm/variant.h"

namespace smelt {

namespace {

// Why a kernel cannot serve at all, or nothing.
std::string unfit(const GemmKernel& kernel, const GemmShape& shape, const Cpu& cpu, const PackLayout* packed) {
  if (!cpu.isa.has(kernel.isa)) return fmt::format("{} is not available", name(kernel.isa));
  if (packed != nullptr && kernel.rhs != *packed) return "reads another layout than the weights have";
  if (shape.m > kernel.max_m) return fmt::format("is for m up to {}", kernel.max_m);
  if (shape.block % kernel.rhs.kr != 0)
    return fmt::format("keeps {} k together, scales change every {}", kernel.rhs.kr, shape.block);
  return {};
}

// Rows and columns that the tiles compute, over those that the product has.
double padding(const GemmKernel& kernel, const GemmShape& shape, const Cpu& cpu) {
  const auto padded = [](size_t n, size_t tile) { return double((n + tile - 1) / tile * tile) / double(n); };
  const size_t nr = kernel.nr.at(cpu.sme_vl32), mr = kernel.mr.at(cpu.sme_vl32);
  // Kernels that read rows in place end a block with shorter tiles; packed ones compute whole ones.
  const double rows = kernel.lhs_form == LhsForm::kPacked ? padded(std::max<size_t>(shape.m, 1), mr) : 1;
  return rows * padded(std::max<size_t>(shape.n, 1), nr);
}

// Why `b` is worse than `a`, or nothing if it is not.
std::string worse(const GemmKernel& a, const GemmKernel& b, const GemmShape& shape, const Cpu& cpu) {
  if (a.max_m != b.max_m && std::min(a.max_m, b.max_m) >= shape.m)
    return a.max_m < b.max_m ? fmt::format("is for any m, here m is {}", shape.m) : "";
  if (a.isa != b.isa) return a.isa > b.isa ? fmt::format("{} is less capable than {}", name(b.isa), name(a.isa)) : "";
  const double pa = padding(a, shape, cpu), pb = padding(b, shape, cpu);
  if (pa != pb) return pa < pb ? fmt::format("would compute {:.2f} times the product, not {:.2f}", pb, pa) : "";
  return "is listed later";
}

}  // namespace

Result<const GemmKernel*> select_gemm(GemmVariant variant, const GemmShape& shape, const Cpu& cpu,
                                      const PackLayout* packed, std::vector<RejectedKernel>* rejected) {
  const GemmKernel* best = nullptr;
  std::vector<const GemmKernel*> fit;
  for (const GemmKernel* kernel : gemm_kernels()) {
    if (kernel->variant != variant) continue;
    if (std::string why = unfit(*kernel, shape, cpu, packed); !why.empty()) {
      if (rejected != nullptr) rejected->push_back({kernel, std::move(why)});
      continue;
    }
    fit.push_back(kernel);
    if (best == nullptr || worse(*best, *kernel, shape, cpu).empty()) best = kernel;
  }
  if (best == nullptr)
    return fail(ErrorCode::kUnsupported, "no kernel for {} with m = {}, n = {}, k = {} x {}", signature(variant).name,
                shape.m, shape.n, shape.taps, shape.kc);
  if (rejected != nullptr)
    for (const GemmKernel* kernel : fit)
      if (kernel != best) rejected->push_back({kernel, worse(*best, *kernel, shape, cpu)});
  return best;
}

}  // namespace smelt
