// Two operands that broadcast, as runs of elements: in each, both are contiguous or one is a single
// element.
//
// Where the innermost extents are short (an image's three channels less their means; an outer
// product of states), runs of them would be too short for vectors. Several are then one run, for
// which the operand that is not contiguous is written out: once if it is the same for all runs.
#pragma once

#include <array>

#include "kernels/vector/vector_kernels.h"
#include "ops/bound.h"
#include "tensor/tensor.h"

namespace smelt {

class BroadcastRuns {
 public:
  /// `element`: bytes of one, the same for both operands and the output.
  BroadcastRuns(const Shape& lhs, const Shape& rhs, const Shape& out, size_t element);

  /// f(lhs, rhs, out, n, broadcast) for all runs, in parallel. Neither operand overlaps the output,
  /// unless it has the output's shape and is the same memory.
  template <class F>
  void for_each(RunContext& context, const std::byte* lhs, const std::byte* rhs, std::byte* out,
                F f) const {
    if (outer_ == 1 && sides_[0].levels == 0 && sides_[1].levels == 0) {
      for_elements(context, run_, [&](size_t begin, size_t end) {
        f(lhs + begin * sides_[0].step, rhs + begin * sides_[1].step, out + begin * element_,
          end - begin, broadcast_);
      });
      return;
    }
    for_units(context, outer_, run_, [&](size_t begin, size_t end) {
      Place place(*this, begin);
      for (size_t i = begin; i < end; ++i) {
        const size_t n = place.count();
        const std::byte *a = place.operand(0, lhs, n), *b = place.operand(1, rhs, n);
        f(a, b, out + place.out(), n, broadcast_);
        place.next();
      }
    });
  }

 private:
  static constexpr size_t kBlock = 1024;  ///< elements of a run of short ones, at most
  static constexpr size_t kSlack = 16;    ///< bytes that repeated elements may take beyond
  static constexpr size_t kWidest = 4;    ///< bytes of an element

  /// How an operand is written out: from the innermost level on, so many elements so far apart.
  struct Level {
    size_t extent, stride;
  };
  struct Side {
    size_t step = 0;                              ///< bytes from element to element of a run
    size_t levels = 0;                            ///< 0: it is read where it is
    std::array<Level, kMaxRank> level{}, last{};  ///< of a whole run, and of a line's last
    std::array<size_t, kMaxRank> outer{};         ///< bytes per step of the outer loops
  };

  /// A run on the way through all of them.
  class Place {
   public:
    Place(const BroadcastRuns&, size_t run);
    void next();
    size_t count() const { return index_[0] + 1 < runs_.extent_[0] ? runs_.run_ : runs_.last_run_; }
    size_t out() const { return out_; }
    /// Elements of an operand, contiguous or single.
    const std::byte* operand(size_t side, const std::byte* first, size_t count);

   private:
    const BroadcastRuns& runs_;
    std::array<size_t, kMaxRank> index_{};
    std::array<size_t, 2> offset_{};
    size_t out_ = 0;
    std::array<const std::byte*, 2> written_{};  ///< what the buffers hold
    std::array<size_t, 2> written_count_{};
    alignas(64) std::byte buffer_[2][kBlock * kWidest + kSlack];
  };

  void write_out(const Level* levels, size_t count, const std::byte* in, std::byte* out) const;

  size_t element_;
  size_t rank_ = 1;  ///< outer loops, innermost first
  std::array<size_t, kMaxRank> extent_{};
  size_t outer_ = 1;     ///< runs
  size_t run_ = 1;       ///< elements of a run
  size_t last_run_ = 1;  ///< of the last run of the innermost outer loop
  std::array<Side, 2> sides_;
  Broadcast broadcast_ = Broadcast::kNone;
};

}  // namespace smelt
