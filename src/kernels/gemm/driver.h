// The one driver: splits products over workers, resolves rows, packs left sides where the kernel
// asks for it.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "kernels/gemm/rows.h"
#include "kernels/gemm/select.h"
#include "platform/threads.h"

namespace smelt {

/// One of several products of the same shape: the images of a batch, the groups of a convolution,
/// the matrices of a batch matmul. Where its operands begin, in bytes from those of GemmOperands;
/// row_quant in elements.
struct GemmItem {
  size_t lhs = 0, rhs = 0, out = 0, zero = 0, row_quant = 0;
};

/// How the left side lies in memory.
enum class RowsForm : uint8_t {
  kPlain,     ///< as in the variant; the kernel converts as it goes
  kPrepared,  ///< in the kernel's prepared form
  kPrepare,   ///< plain; workers prepare each block of rows, or copy it. For matrices.
  kPanels,    ///< packed as the kernel wants it
};

/// Everything about a product that is known before its operands are. Immutable; shared by threads.
struct GemmPlan {
  const GemmKernel* kernel = nullptr;
  size_t vl32 = 0;
  GemmShape shape;
  RowMap rows;
  std::vector<GemmItem> items;
  size_t row_quant_stride = 0;      ///< 1: a RowQuant per row; 0: one per item
  size_t block_m = 0, block_n = 0;  ///< of one task; block_n is a multiple of nr
  RowsForm rows_form = RowsForm::kPlain;
  unsigned max_workers = 1;
  size_t worker_bytes = 0, scratch_bytes = 0;  ///< scratch of each worker, and of all

  uint64_t macs() const {
    return uint64_t(items.size()) * shape.m * shape.n * shape.kc * shape.taps;
  }
};

/// Chooses blocking for a pool of `workers`. kOutOfMemory if the scratch size overflows.
Result<GemmPlan> plan_gemm(const GemmKernel&, const GemmShape&, RowMap, std::vector<GemmItem>,
                           size_t row_quant_stride, const Cpu&, unsigned workers);

/// Scratch of one worker for the plan's blocking; nothing if it overflows.
std::optional<size_t> worker_scratch_bytes(const GemmPlan&);

/// The shape as weights are packed for a kernel.
inline PackShape rhs_shape(const GemmShape& s) {
  return {.rows = s.n, .kc = s.kc, .taps = s.taps, .block = s.block};
}

struct GemmOperands {
  const std::byte* lhs = nullptr;
  const RowQuant* row_quant = nullptr;
  const std::byte* rhs = nullptr;  ///< packed for the plan's kernel and shape; aligned to 64
  const std::byte* zero =
      nullptr;  ///< kc elements that stand for padding; null if nothing is padded
  std::byte* out = nullptr;
  OutputStage stage{};
};

/// Allocates nothing and cannot fail. `scratch` holds plan.scratch_bytes, aligned to 64.
void run_gemm(const GemmPlan&, const GemmOperands&, ThreadPool&,
              std::span<std::byte> scratch) noexcept;

}  // namespace smelt
