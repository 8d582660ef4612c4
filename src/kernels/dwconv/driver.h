// The one driver of depthwise kernels: splits the output's lines over workers and resolves their
// rows.
#pragma once

#include <span>

#include "kernels/dwconv/rows.h"
#include "platform/cpu.h"
#include "platform/threads.h"

namespace smelt {

/// Everything about a depthwise convolution that is known before its operands are. Strides in
/// bytes.
struct DwconvPlan {
  const DwconvKernel* kernel = nullptr;
  size_t vl32 = 0;
  size_t channels = 0;
  WindowRows rows;
  size_t images = 0;
  size_t in_image = 0, out_image = 0;
  size_t block_lines = 0,
         block_pixels = 0;  ///< of one task: so many pixels of each of so many lines
  unsigned max_workers = 1;
  size_t worker_bytes = 0, scratch_bytes = 0;  ///< scratch of each worker, and of all

  uint64_t macs() const { return uint64_t(images) * rows.rows() * rows.taps() * channels; }
};

DwconvPlan plan_dwconv(const DwconvKernel&, const Cpu&, size_t channels, WindowRows, size_t images,
                       size_t in_image, size_t out_image, unsigned workers);

struct DwconvOperands {
  const std::byte* in = nullptr;
  const std::byte* filter = nullptr;  ///< packed: rows = channels, kc = 1, taps line by line
  const std::byte* zero = nullptr;    ///< a pixel of padding
  std::byte* out = nullptr;
  OutputStage stage{};
};

/// Allocates nothing and cannot fail. `scratch` holds plan.scratch_bytes, aligned to 64.
void run_dwconv(const DwconvPlan&, const DwconvOperands&, ThreadPool&,
                std::span<std::byte> scratch) noexcept;

}  // namespace smelt
