// Kernels of every architecture, from their names: enough to plan for a machine that is not here,
// and nothing that runs.
#include <array>

#include "kernels/gemm/kernels.h"
#include "kernels/gemm/sme_weights.h"
#include "kernels/gemm/variant.h"
#include "kernels/kernel_name.h"
#include "platform/cpu.h"

namespace smelt {

namespace {

constexpr const char* kNames[] = {
#define SMELT_ALL_ARCHITECTURES
#define GEMM_KERNEL(name) #name,
#include "kernels/gemm/kernels.inc"
#undef GEMM_KERNEL
#undef SMELT_ALL_ARCHITECTURES
};

// How the kernels of an instruction set multiply, where a name does not say it.
struct Traits {
  uint8_t int8 = 1, bf16 = 1;  ///< consecutive k that an instruction takes together
  bool pairs = false;          ///< matrix instructions: rows are packed in pairs, taps joined
  bool sixteenths = false;     ///< weights of 4 bits are multiplied times 16
  bool unsigned_lhs = false;   ///< int8 is multiplied as unsigned
  uint8_t staged_f16 = 0, staged_int8 = 0;  ///< bytes of an element in the prepared form
};

constexpr Traits traits_of(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return {.int8 = 4, .staged_int8 = 1};
    case Isa::kAvx2:
      return {.int8 = 2, .staged_f16 = 4, .staged_int8 = 2};
    case Isa::kAvx512:
      return {.staged_f16 = 4};
    case Isa::kAvx512Vnni:
    case Isa::kAvx512Vbmi:
      return {.int8 = 4, .sixteenths = true, .unsigned_lhs = true, .staged_int8 = 1};
    case Isa::kAvx512Bf16:
      return {.bf16 = 2};
    case Isa::kNeonDot:
      return {.int8 = 4, .sixteenths = true};
    case Isa::kNeonI8mm:
      return {.int8 = 8, .pairs = true, .sixteenths = true};
    case Isa::kNeonBf16:
      return {.bf16 = 4, .pairs = true};
    case Isa::kNeon:
      return {.sixteenths = true};
    default:
      return {};
  }
}

// A sum of so many products of 8 bits with 4 bits times 16 fits 32 bits.
constexpr size_t kMaxSixteenths = 65536;

PackLayout rhs_layout(const GemmKernel& kernel, const Traits& traits) {
  const GemmSignature& types = signature(kernel.variant);
  PackLayout layout{.rows = kernel.nr, .elem = types.rhs, .join_taps = traits.pairs};
  if (types.lhs == DType::kBF16) layout.kr = traits.bf16;
  // Kernels for few columns fill a vector of 16 floats with several k.
  if (kernel.variant == GemmVariant::kPf32 && kernel.isa == Isa::kAvx512 && kernel.nr.count < 16)
    layout.kr = uint8_t(16 / kernel.nr.count);
  if (types.is_integer()) layout.kr = traits.int8;
  if (types.rhs == DType::kU4) {
    layout.kr = uint8_t(2 * layout.kr);
    layout.signed_nibbles = traits.sixteenths;
  }
  switch (types.scale) {
    case WeightScale::kNone:
      layout.head = kBias;
      break;
    case WeightScale::kPerBlock:
      layout.tail = kBias | kScaledRowSum;
      layout.block_scales = true;
      break;
    case WeightScale::kPerChannel:
      layout.head = types.dynamic_rows ? 0 : kFoldedBias;
      layout.tail = types.dynamic_rows ? kBias | kRowSum | kScale : kScale;
      if (!types.dynamic_rows && traits.unsigned_lhs) layout.lhs_offset = 128;
      break;
  }
  return layout;
}

// Stands for a quantiser, and is never called.
void quantize_nothing(const PackLayout&, size_t, size_t, size_t, const void* const*, RowQuant*,
                      std::byte*) {}

GemmKernel kernel_of(const char* name) {
  const KernelName parts = parse_kernel_name(name);
  GemmKernel kernel{.name = name,
                    .isa = parts.isa,
                    .variant = {},
                    .mr = parts.rows,
                    .nr = parts.columns,
                    .run = nullptr};
  for (size_t i = 0; i < kGemmVariantCount; ++i)
    if (kGemmSignatures[i].name == parts.variant) kernel.variant = GemmVariant(i);
  const GemmSignature& types = signature(kernel.variant);
  const Traits traits = traits_of(kernel.isa);
  const bool sme = kernel.isa == Isa::kSme || kernel.isa == Isa::kSme2;
  kernel.rhs = sme ? sme_weights(kernel.variant) : rhs_layout(kernel, traits);
  // Matrix units and matrix instructions read packed panels; kernels of one row are for one row.
  if (kernel.mr.times_vl || traits.pairs) {
    kernel.lhs_form = LhsForm::kPacked;
    kernel.lhs = {.rows = traits.pairs ? Extent{2} : kernel.mr,
                  .kr = traits.pairs && types.rhs == DType::kU4 ? traits.int8 : kernel.rhs.kr,
                  .elem = types.lhs,
                  .join_taps = traits.pairs};
  }
  if (types.dynamic_rows && kernel.isa >= Isa::kNeon) kernel.quantize_lhs = quantize_nothing;
  if (kernel.mr == Extent{1}) kernel.max_m = 1;
  if (types.rhs == DType::kU4 && traits.sixteenths) kernel.max_k = kMaxSixteenths;
  // The portable kernel of static int8 reads rows where they are.
  const bool staged = kernel.isa != Isa::kScalar || types.dynamic_rows;
  if (types.is_integer() && staged) kernel.prepared.bytes = traits.staged_int8;
  if (types.lhs == DType::kF16) kernel.prepared.bytes = traits.staged_f16;
  return kernel;
}

struct DescribedKernels {
  std::array<GemmKernel, std::size(kNames)> kernels;
  std::array<const GemmKernel*, std::size(kNames)> pointers;
  DescribedKernels() {
    for (size_t i = 0; i < kernels.size(); ++i) {
      kernels[i] = kernel_of(kNames[i]);
      pointers[i] = &kernels[i];
    }
  }
};

}  // namespace

std::span<const GemmKernel* const> described_gemm_kernels() {
  static const DescribedKernels all;  // a constant, made when first needed
  return all.pointers;
}

std::span<const GemmKernel* const> gemm_kernels(const Cpu& cpu) {
  return cpu.described ? described_gemm_kernels() : gemm_kernels();
}

}  // namespace smelt
