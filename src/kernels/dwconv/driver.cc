#include "kernels/dwconv/driver.h"

#include <algorithm>

#include "base/checked.h"

namespace smelt {

namespace {

// Enough that resolving rows and calling the kernel cost little, few enough that the pointers stay in the first cache.
constexpr size_t kBlock = 64;
constexpr size_t kTasksPerWorker = 4;

}  // namespace

DwconvPlan plan_dwconv(const DwconvKernel& kernel, const Cpu& cpu, size_t channels, WindowRows rows, size_t images,
                       size_t in_image, size_t out_image, unsigned workers) {
  DwconvPlan plan{.kernel = &kernel,
                  .vl32 = cpu.sme_vl32,
                  .channels = channels,
                  .rows = std::move(rows),
                  .images = images,
                  .in_image = in_image,
                  .out_image = out_image};
  const size_t pixels = std::max<size_t>(plan.rows.rows(), 1);
  const size_t share = div_up(pixels * std::max<size_t>(images, 1), kTasksPerWorker * workers);
  plan.block = std::clamp<size_t>(share, 1, std::min(kBlock, pixels));
  plan.worker_bytes = round_up(plan.block * (plan.rows.taps() + 1) * sizeof(void*), size_t(64));
  plan.scratch_bytes = plan.worker_bytes * workers;
  return plan;
}

void run_dwconv(const DwconvPlan& plan, const DwconvOperands& operands, ThreadPool& pool,
                std::span<std::byte> scratch) noexcept {
  const size_t pixels = plan.rows.rows(), taps = plan.rows.taps();
  const size_t blocks = div_up(pixels, plan.block);
  const PackShape shape{.rows = plan.channels, .kc = 1, .taps = taps};
  const size_t panel = panel_map(plan.kernel->filter, shape, plan.vl32).stride;
  const auto work = [&](size_t begin, size_t end, unsigned worker) {
    const void** rows = reinterpret_cast<const void**>(scratch.data() + worker * plan.worker_bytes);
    void** out = const_cast<void**>(rows) + plan.block * taps;
    for (size_t task = begin; task < end; ++task) {
      const size_t image = task / blocks, first = task % blocks * plan.block;
      const size_t count = std::min(plan.block, pixels - first);
      resolve_window_rows(plan.rows, first, count, operands.in + image * plan.in_image, operands.zero,
                          operands.out + image * plan.out_image, rows, out);
      plan.kernel->run({.pixels = count,
                        .taps = taps,
                        .channels = plan.channels,
                        .rows = rows,
                        .filter = operands.filter,
                        .filter_panel_stride = panel,
                        .out = out,
                        .stage = operands.stage});
    }
  };
  pool.parallel_for(blocks * plan.images, 1, work);
}

}  // namespace smelt
