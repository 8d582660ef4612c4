#include "kernels/gemm/driver.h"

#include <algorithm>
#include <cstring>

#include "base/checked.h"
#include "kernels/gemm/variant.h"
#include "kernels/pack/pack.h"

namespace smelt {

namespace {

// Fewer multiply-accumulates than this are not worth waking another thread for.
constexpr uint64_t kMinTaskMacs = 1 << 16;
// Tasks per worker: enough that one slow worker does not keep the others waiting.
constexpr uint64_t kTasksPerWorker = 4;

size_t row_bytes(const GemmKernel& kernel, const GemmShape& shape) {
  return shape.taps * shape.kc * (layout_bits(signature(kernel.variant).lhs) / 8);
}

// Splits `total` into blocks that are multiples of `unit`, about `want` of them.
size_t block_of(size_t total, size_t unit, size_t want) {
  return std::max(unit, round_up(div_up(total, std::max<size_t>(want, 1)), unit));
}

void choose_blocking(GemmPlan& plan, const Cpu& cpu, unsigned workers) {
  const GemmKernel& kernel = *plan.kernel;
  const size_t mr = kernel.mr.at(plan.vl32), nr = kernel.nr.at(plan.vl32);
  const size_t m = std::max<size_t>(plan.shape.m, 1), n = std::max<size_t>(plan.shape.n, 1);
  // A block of rows, and the pointers to them, should stay in half of the second cache while the
  // panels pass.
  const size_t bytes =
      std::max<size_t>(row_bytes(kernel, plan.shape) + plan.shape.taps * sizeof(void*), 1);
  const size_t cached_rows = std::max(mr, cpu.l2_bytes / 2 / bytes / mr * mr);
  plan.block_m = std::min(round_up(m, mr), cached_rows);
  plan.block_n = round_up(n, nr);
  plan.max_workers = cpu.workers_for(kernel.isa, workers);
  const uint64_t tasks =
      std::min<uint64_t>(kTasksPerWorker * plan.max_workers, plan.macs() / kMinTaskMacs);
  if (tasks <= 1 || plan.max_workers <= 1) {
    plan.max_workers = 1;
    return;
  }
  // Rows are split first: blocks of rows share no packed left side. Columns are what is left.
  const size_t per_item = size_t(div_up<uint64_t>(tasks, std::max<size_t>(plan.items.size(), 1)));
  plan.block_m = std::min(plan.block_m, block_of(m, mr, per_item));
  const size_t row_blocks = div_up(m, plan.block_m);
  if (row_blocks < per_item) plan.block_n = block_of(n, nr, per_item / row_blocks);
}

// What a worker keeps between tasks: the pointers and the packed left side of the block of rows
// that it did last.
struct WorkerScratch {
  const void** rows;
  void** out;
  std::byte* lhs;
};

size_t pointer_bytes(const GemmPlan& plan) {
  return round_up(plan.block_m * (plan.shape.taps + 1) * sizeof(void*), size_t(64));
}

// Rows of matrices that the kernel reads in place are copied where they lie a multiple of 4 KiB
// apart: all of a tile's then fall into one set of the nearest cache, which has 8 places or so.
bool rows_collide(const GemmKernel& kernel, const RowMap& rows, size_t mr) {
  constexpr size_t kSetStride = 4096, kWays = 8;
  const auto* matrix = std::get_if<MatrixRows>(&rows);
  return matrix != nullptr && kernel.lhs_form == LhsForm::kRows && mr > kWays &&
         matrix->lhs_stride != 0 && matrix->lhs_stride % kSetStride == 0;
}

// A row with room for what a conversion writes beyond it.
size_t prepared_row_bytes(const GemmPlan& plan) {
  const bool converts = plan.kernel->prepared.run != nullptr;
  const size_t bytes =
      converts ? plan.shape.kc * plan.kernel->prepared.bytes : row_bytes(*plan.kernel, plan.shape);
  return round_up(bytes, size_t(64)) + 64;
}

// Converts the rows of a block, one after the other, or copies them.
void prepare_rows(const GemmPlan& plan, size_t m, const void* const* rows, std::byte* out) {
  for (size_t i = 0; i < m; ++i) {
    const auto* from = static_cast<const std::byte*>(rows[i]);
    std::byte* to = out + i * prepared_row_bytes(plan);
    if (plan.kernel->prepared.run != nullptr)
      plan.kernel->prepared.convert(from, to, plan.shape.kc);
    else
      std::memcpy(to, from, row_bytes(*plan.kernel, plan.shape));
  }
}

WorkerScratch worker_scratch(const GemmPlan& plan, std::span<std::byte> scratch, unsigned worker) {
  std::byte* p = scratch.data() + worker * plan.worker_bytes;
  const void** rows = reinterpret_cast<const void**>(p);
  return {rows, const_cast<void**>(rows) + plan.block_m * plan.shape.taps, p + pointer_bytes(plan)};
}

}  // namespace

std::optional<size_t> worker_scratch_bytes(const GemmPlan& plan) {
  const size_t pointers = pointer_bytes(plan);
  if (plan.rows_form == RowsForm::kPrepare)
    return checked_add(pointers, plan.block_m * prepared_row_bytes(plan));
  if (plan.kernel->lhs_form == LhsForm::kRows || plan.rows_form == RowsForm::kPanels)
    return pointers;
  const auto lhs =
      packed_bytes(plan.kernel->lhs,
                   {.rows = plan.block_m, .kc = plan.shape.kc, .taps = plan.shape.taps}, plan.vl32);
  return lhs ? checked_add(pointers, *lhs) : std::nullopt;
}

Result<GemmPlan> plan_gemm(const GemmKernel& kernel, const GemmShape& shape, RowMap rows,
                           std::vector<GemmItem> items, size_t row_quant_stride, const Cpu& cpu,
                           unsigned workers) {
  GemmPlan plan{.kernel = &kernel,
                .vl32 = cpu.sme_vl32,
                .shape = shape,
                .rows = std::move(rows),
                .items = std::move(items),
                .row_quant_stride = row_quant_stride};
  const auto too_large = [&] {
    return fail(ErrorCode::kOutOfMemory, "a product of m = {}, n = {}, k = {} x {} is too large",
                shape.m, shape.n, shape.taps, shape.kc);
  };
  // Bounds every product below.
  const auto k = checked_mul(shape.taps, shape.kc);
  const auto lhs_elements =
      k ? checked_mul(std::max<size_t>(*k, shape.taps), shape.m) : std::nullopt;
  if (!lhs_elements || *lhs_elements > (size_t(1) << 48) || shape.n > (size_t(1) << 48))
    return too_large();
  if (std::holds_alternative<PanelRows>(plan.rows)) plan.rows_form = RowsForm::kPanels;
  // Rows that several panels read are converted once. A copy is worth it from some more panels on.
  const size_t nr = kernel.nr.at(plan.vl32), mr = kernel.mr.at(plan.vl32);
  const bool converts = kernel.prepared.run != nullptr &&
                        std::holds_alternative<MatrixRows>(plan.rows) && shape.n > nr;
  const bool copies = kernel.prepared.run == nullptr && rows_collide(kernel, plan.rows, mr) &&
                      shape.m >= mr && shape.n > 2 * nr;
  if (converts || copies) plan.rows_form = RowsForm::kPrepare;
  choose_blocking(plan, cpu, workers);
  const auto mine = worker_scratch_bytes(plan);
  const auto all = mine ? checked_mul(*mine, size_t(workers)) : std::nullopt;
  if (!all) return too_large();
  plan.worker_bytes = *mine;
  plan.scratch_bytes = *all;
  return plan;
}

void run_gemm(const GemmPlan& plan, const GemmOperands& operands, ThreadPool& pool,
              std::span<std::byte> scratch) noexcept {
  const GemmShape& shape = plan.shape;
  if (shape.m == 0 || shape.n == 0) return;
  const GemmKernel& kernel = *plan.kernel;
  const bool prepared =
      plan.rows_form == RowsForm::kPrepared || plan.rows_form == RowsForm::kPrepare;
  const auto run = prepared && kernel.prepared.run != nullptr ? kernel.prepared.run : kernel.run;
  const bool panels = plan.rows_form == RowsForm::kPanels,
             packs = kernel.lhs_form == LhsForm::kPacked && !panels;
  const PanelMap rhs = panel_map(kernel.rhs, rhs_shape(shape), plan.vl32);
  const PanelMap lhs =
      panel_map(kernel.lhs, {.rows = shape.m, .kc = shape.kc, .taps = shape.taps}, plan.vl32);
  const size_t row_blocks = div_up(shape.m, plan.block_m),
               column_blocks = div_up(shape.n, plan.block_n);
  const size_t out_bytes = layout_bits(signature(kernel.variant).out) / 8;

  const auto work = [&](size_t begin, size_t end, unsigned worker) {
    const WorkerScratch mine = worker_scratch(plan, scratch, worker);
    size_t resolved = ~size_t(0);
    for (size_t task = begin; task < end; ++task) {
      const size_t block = task / column_blocks;
      const GemmItem& item = plan.items[block / row_blocks];
      const size_t m0 = block % row_blocks * plan.block_m, n0 = task % column_blocks * plan.block_n;
      const size_t m = std::min(plan.block_m, shape.m - m0),
                   n = std::min(plan.block_n, shape.n - n0);
      if (resolved != block || n0 != 0) {
        // The output pointers depend on n0, the input pointers only on the block; both are cheap
        // beside the product.
        resolve_rows(plan.rows, m0, m, operands.lhs + item.lhs, operands.zero + item.zero,
                     operands.out + item.out + n0 * out_bytes, mine.rows, mine.out);
        if (packs && resolved != block)
          kernel.pack_lhs(kernel.lhs, plan.vl32, m, shape.taps, shape.kc, mine.rows, mine.lhs);
        if (plan.rows_form == RowsForm::kPrepare) {
          if (resolved != block) prepare_rows(plan, m, mine.rows, mine.lhs);
          for (size_t i = 0; i < m; ++i) mine.rows[i] = mine.lhs + i * prepared_row_bytes(plan);
        }
        resolved = block;
      }
      const GemmBlock g{
          .m = m,
          .n = n,
          .taps = shape.taps,
          .kc = shape.kc,
          .rows = mine.rows,
          .lhs = panels ? operands.lhs + item.lhs + m0 / lhs.rows * lhs.stride : mine.lhs,
          .lhs_panel_stride = lhs.stride,
          .row_quant = operands.row_quant == nullptr
                           ? nullptr
                           : operands.row_quant + item.row_quant + m0 * plan.row_quant_stride,
          .row_quant_stride = plan.row_quant_stride,
          .rhs = operands.rhs + item.rhs + n0 / rhs.rows * rhs.stride,
          .rhs_panel_stride = rhs.stride,
          .quant_block = shape.block,
          .out = mine.out,
          .stage = operands.stage};
      run(g);
    }
  };
  // A range of consecutive tasks per call, so that blocks of rows are resolved and packed once
  // where they can be.
  const size_t tasks = plan.items.size() * row_blocks * column_blocks;
  const size_t grain = std::max<size_t>(1, tasks / (kTasksPerWorker * plan.max_workers));
  pool.parallel_for(tasks, grain, work, plan.max_workers);
}

}  // namespace smelt
