// What the element-wise and data-moving operators share when they are bound and run.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "ops/op.h"

namespace smelt {

/// What the planner wants to know of a bound op.
struct BoundInfo {
  std::string_view kernel;
  std::optional<size_t> in_place = std::nullopt;
  size_t scratch_bytes = 0;
  uint64_t macs = 0;
  bool keeps_bytes = false;
};

/// A BoundOp that runs a callable: void(in, out, RunContext&) const noexcept.
template <class F>
class BoundFunction final : public BoundOp {
 public:
  BoundFunction(const BoundInfo& info, F f) : info_(info), f_(std::move(f)) {}
  size_t scratch_bytes() const noexcept override { return info_.scratch_bytes; }
  void run(std::span<const std::byte* const> in, std::span<std::byte* const> out,
           RunContext& context) const noexcept override {
    f_(in, out, context);
  }
  std::optional<size_t> in_place() const noexcept override { return info_.in_place; }
  std::string_view kernel() const noexcept override { return info_.kernel; }
  uint64_t macs() const noexcept override { return info_.macs; }
  bool keeps_bytes() const noexcept override { return info_.keeps_bytes; }

 private:
  BoundInfo info_;
  F f_;
};

using Inputs = std::span<const std::byte* const>;
using Outputs = std::span<std::byte* const>;

template <class F>
std::unique_ptr<const BoundOp> make_bound(const BoundInfo& info, F f) {
  return std::make_unique<BoundFunction<F>>(info, std::move(f));
}

/// Elements that a piece of work should have at least: less is not worth waking a worker for.
inline constexpr size_t kPieceElements = size_t(1) << 14;

/// f(begin, end, worker) over [0, n), in parallel where each unit stands for `weight` elements of
/// work.
template <class F>
void for_units_of_workers(RunContext& context, size_t n, size_t weight, unsigned max_workers, F f) {
  const size_t least = std::max<size_t>(1, kPieceElements / std::max<size_t>(1, weight));
  const unsigned workers = std::min(max_workers, context.pool.workers());
  if (n < 2 * least || workers == 1) {
    if (n != 0) f(size_t(0), n, 0u);
    return;
  }
  context.pool.parallel_for(n, std::max(least, n / (size_t(4) * workers)), f, workers);
}

/// f(begin, end) likewise, on any worker.
template <class F>
void for_units(RunContext& context, size_t n, size_t weight, F f) {
  for_units_of_workers(context, n, weight, context.pool.workers(),
                       [&f](size_t begin, size_t end, unsigned) { f(begin, end); });
}

/// f(begin, end) over n elements, in parallel; pieces begin at whole cache lines.
template <class F>
void for_elements(RunContext& context, size_t n, F f) {
  constexpr size_t kLine = 64;
  for_units(context, (n + kLine - 1) / kLine, kLine,
            [&](size_t begin, size_t end) { f(begin * kLine, std::min(n, end * kLine)); });
}

}  // namespace smelt
