#include "kernels/dwconv/driver.h"

#include <algorithm>

#include "base/checked.h"

namespace smelt {

namespace {

// Enough that resolving rows and calling the kernel cost little, few enough that the pointers stay
// in the first cache.
constexpr size_t kBlockPixels = 128;
constexpr size_t kTasksPerWorker = 4;

}  // namespace

DwconvPlan plan_dwconv(const DwconvKernel& kernel, const Cpu& cpu, size_t channels, WindowRows rows,
                       size_t images, size_t in_image, size_t out_image, unsigned workers) {
  DwconvPlan plan{.kernel = &kernel,
                  .vl32 = cpu.sme_vl32,
                  .channels = channels,
                  .rows = std::move(rows),
                  .images = images,
                  .in_image = in_image,
                  .out_image = out_image};
  plan.max_workers = cpu.workers_for(kernel.isa, workers);
  const size_t width = std::max<size_t>(plan.rows.x.count, 1),
               height = std::max<size_t>(plan.rows.y.count, 1);
  const size_t tasks = plan.max_workers <= 1 ? 1
                                             : div_up(kTasksPerWorker * plan.max_workers,
                                                      std::max<size_t>(images, 1));
  // Whole lines where they are short, and where there are enough of them.
  plan.block_pixels = div_up(width, std::max(div_up(width, kBlockPixels), div_up(tasks, height)));
  plan.block_lines = std::clamp<size_t>(kBlockPixels / plan.block_pixels, 1, div_up(height, tasks));
  const size_t pointers = tap_pointers(plan.rows, plan.block_lines, plan.block_pixels).count();
  plan.worker_bytes =
      round_up((pointers + plan.block_lines * plan.block_pixels) * sizeof(void*), size_t(64));
  plan.scratch_bytes = plan.worker_bytes * workers;
  return plan;
}

void run_dwconv(const DwconvPlan& plan, const DwconvOperands& operands, ThreadPool& pool,
                std::span<std::byte> scratch) noexcept {
  const WindowRows& map = plan.rows;
  const PackShape shape{.rows = plan.channels, .kc = 1, .taps = map.taps()};
  const size_t panel = panel_map(plan.kernel->filter, shape, plan.vl32).stride;
  const size_t across = div_up(map.x.count, plan.block_pixels),
               down = div_up(map.y.count, plan.block_lines);
  const auto work = [&](size_t begin, size_t end, unsigned worker) {
    const void** rows = reinterpret_cast<const void**>(scratch.data() + worker * plan.worker_bytes);
    for (size_t task = begin; task < end; ++task) {
      const size_t image = task / (across * down);
      const size_t y = task / across % down * plan.block_lines,
                   x = task % across * plan.block_pixels;
      const size_t lines = std::min(plan.block_lines, map.y.count - y);
      const size_t pixels = std::min(plan.block_pixels, map.x.count - x);
      const TapPointers taps = tap_pointers(map, lines, pixels);
      void** out = const_cast<void**>(rows) + taps.count();
      resolve_tap_pointers(map, {y, x, lines, pixels}, operands.in + image * plan.in_image,
                           operands.zero, operands.out + image * plan.out_image, rows, out);
      plan.kernel->run({.lines = lines,
                        .pixels = pixels,
                        .height = map.y.offsets.size(),
                        .width = map.x.offsets.size(),
                        .channels = plan.channels,
                        .rows = rows,
                        .line_step = taps.line_step,
                        .tap_step = taps.tap_step,
                        .pixel_step = taps.pixel_step,
                        .filter = operands.filter,
                        .filter_panel_stride = panel,
                        .out = out,
                        .stage = operands.stage});
    }
  };
  pool.parallel_for(across * down * plan.images, 1, work, plan.max_workers);
}

}  // namespace smelt
