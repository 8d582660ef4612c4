// Pooling one dimension after another. The rows under a row of results are folded into one, and the
// columns of that, side by side, into the results: so all lanes of a vector have something to do,
// and a window costs the sum of its extents rather than their product.
#pragma once

#include <algorithm>

#include "program/operators/folds.h"
#include "program/operators/pool_volume.h"

namespace smelt::program {

/// Pools rows of one type. Each worker has one.
template <class C>
class PoolRows {
 public:
  /// `outside` is what padding counts as: 0 for sums, the lowest number for maxima.
  static Result<PoolRows> make(Call& call, const PoolVolume& v, C outside) {
    PoolRows p(call.vectors(), v);
    Scratch& scratch = call.scratch();
    const size_t rows = v.most(0) * v.most(1);
    SMELT_ASSIGN(p.taps_, scratch.take<const C*>(std::max(rows, size_t(kTapsMax))));
    SMELT_ASSIGN(p.place_taps_, scratch.take<const int32_t*>(kTapsMax));
    SMELT_ASSIGN(p.first_, scratch.take<int32_t>(rows));
    SMELT_ASSIGN(p.row_, scratch.take<C>(p.length_));
    SMELT_ASSIGN(p.phases_, scratch.take<C>(p.length_));
    SMELT_ASSIGN(p.places_, scratch.take<int32_t>(p.length_));
    SMELT_ASSIGN(p.place_phases_, scratch.take<int32_t>(p.length_));
    SMELT_ASSIGN(p.chosen_, scratch.take<int32_t>(size_t(v.out[2])));
    std::fill_n(p.row_, p.length_, outside);
    std::fill_n(p.places_, p.length_, INT32_MAX);
    for (int64_t j = 0; j < v.out[2]; ++j) p.some_empty_ |= v.spans[2][j].count() == 0;
    return p;
  }

  /// The sums of the windows at (z, y, …) over the volume at x.
  void sum(const C* x, int64_t z, int64_t y, C* out) {
    const size_t rows = rows_under(x, z, y);
    if (rows == 0) return void(std::fill_n(out, v_->out[2], C(0)));
    const C* row = taps_[0];
    if (rows > 1 || length_ != size_t(v_->in[2])) {
      Folds<C>::sum(*kernels_, taps_, rows, row_ + left_, size_t(v_->in[2]));
      row = row_;
    }
    if (side_by_side_) {
      find_taps(row, phases_, taps_);
      return Folds<C>::sum(*kernels_, taps_, size_t(v_->columns.kernel), out, size_t(v_->out[2]));
    }
    for (int64_t j = 0; j < v_->out[2]; ++j) out[j] = sum_of(row, v_->spans[2][j]);
  }

  /// The largest elements, and where in the volume they are: the first of the largest, or the last
  /// NaN. A window without elements has 0 at place 0.
  void largest(const C* x, int64_t z, int64_t y, C* out, int64_t* indices) {
    const size_t rows = rows_under(x, z, y), n = size_t(v_->out[2]);
    if (rows == 0) {
      std::fill_n(out, n, C(0));
      std::fill_n(indices, n, 0);
      return;
    }
    if (rows == 1 && !side_by_side_) {
      for (size_t j = 0; j < n; ++j) {
        if (v_->spans[2][j].count() == 0) continue;
        const int64_t at = place_of_largest(taps_[0], v_->spans[2][j]);
        out[j] = taps_[0][at];
        indices[j] = first_[0] + at;
      }
      return clear_empty(out, indices);
    }
    Folds<C>::argmax(*kernels_, taps_, first_, 1, rows, row_ + left_, places_ + left_,
                     size_t(v_->in[2]));
    if (side_by_side_) {
      find_taps(row_, phases_, taps_);
      find_taps(places_, place_phases_, place_taps_);
      Folds<C>::argmax(*kernels_, taps_, place_taps_, size_t(v_->columns.kernel), out, chosen_, n);
      std::copy_n(chosen_, n, indices);
    } else {
      for (size_t j = 0; j < n; ++j) {
        const PoolSpan& s = v_->spans[2][j];
        int64_t best = s.begin;
        for (int64_t i = s.begin + s.step; i < s.end; i += s.step) {
          if (Folds<C>::beats(row_[i], places_[i], row_[best], places_[best])) best = i;
        }
        if (s.count() == 0) continue;
        out[j] = row_[best];
        indices[j] = places_[best];
      }
    }
    clear_empty(out, indices);
  }

 private:
  /// Columns are folded side by side where there are a few windows, and not for long ones.
  static constexpr int64_t kTapsMax = 64, kColumnsMin = 4;
  static constexpr int64_t kLong = 16;  ///< a run that is worth a kernel's call

  PoolRows(const VectorKernels& kernels, const PoolVolume& v) : kernels_(&kernels), v_(&v) {
    const Window& w = v.columns;
    side_by_side_ = w.kernel >= 1 && w.kernel <= kTapsMax && v.out[2] >= kColumnsMin;
    length_ = size_t(v.in[2]);
    if (!side_by_side_) return;
    left_ = w.padding;
    const int64_t end = (w.out - 1) * w.stride + (w.kernel - 1) * w.dilation + 1;
    length_ = size_t(div_up(std::max(w.padding + w.in, end), w.stride) * w.stride);
  }

  size_t rows_under(const C* x, int64_t z, int64_t y) {
    const PoolSpan &planes = v_->spans[0][z], &lines = v_->spans[1][y];
    size_t rows = 0;
    for (int64_t a = planes.begin; a < planes.end; a += planes.step) {
      for (int64_t b = lines.begin; b < lines.end; b += lines.step) {
        const int64_t at = (a * v_->in[1] + b) * v_->in[2];
        first_[rows] = int32_t(at);
        taps_[rows++] = x + at;
      }
    }
    return rows;
  }

  /// From a padded row to the rows that its windows are folded from: element j of tap k is the k-th
  /// of window j. Windows that move by more than one want every so-many-th element of the row.
  template <class T>
  void find_taps(const T* row, T* phases, const T** taps) const {
    const size_t stride = size_t(v_->columns.stride), phase = length_ / stride;
    if (stride > 1) {
      kernels_->transpose[sizeof(T) == 4 ? 2 : 3](row, stride * sizeof(T), phases,
                                                  phase * sizeof(T), phase, stride);
    }
    for (size_t k = 0; k < size_t(v_->columns.kernel); ++k) {
      const size_t at = k * size_t(v_->columns.dilation);
      taps[k] = stride == 1 ? row + at : phases + at % stride * phase + at / stride;
    }
  }

  C sum_of(const C* row, const PoolSpan& s) const {
    if constexpr (std::is_same_v<C, float>) {
      if (s.step == 1 && s.count() >= kLong)
        return kernels_->row_sum.f32(row + s.begin, size_t(s.count()));
    }
    C sum = 0;
    for (int64_t i = s.begin; i < s.end; i += s.step) sum = add(sum, row[i]);
    return sum;
  }

  int64_t place_of_largest(const C* row, const PoolSpan& s) const {
    if constexpr (std::is_same_v<C, float>) {
      if (s.step == 1 && s.count() >= kLong) {
        const float largest = kernels_->row_max.f32(row + s.begin, size_t(s.count()));
        int64_t at = largest != largest ? s.end - 1 : s.begin;
        if (largest != largest) {
          while (row[at] == row[at]) --at;
        } else {
          while (row[at] != largest) ++at;
        }
        return at;
      }
    }
    int64_t best = s.begin;
    for (int64_t i = s.begin + s.step; i < s.end; i += s.step) {
      if (row[i] > row[best] || row[i] != row[i]) best = i;
    }
    return best;
  }

  void clear_empty(C* out, int64_t* indices) const {
    for (int64_t j = 0; some_empty_ && j < v_->out[2]; ++j) {
      if (v_->spans[2][j].count() == 0) out[j] = 0, indices[j] = 0;
    }
  }

  const VectorKernels* kernels_;
  const PoolVolume* v_;
  bool side_by_side_ = false, some_empty_ = false;
  int64_t left_ = 0;   ///< elements of padding before a row
  size_t length_ = 0;  ///< of a row with its padding
  const C** taps_ = nullptr;
  const int32_t** place_taps_ = nullptr;
  int32_t* first_ = nullptr;
  C *row_ = nullptr, *phases_ = nullptr;
  int32_t *places_ = nullptr, *place_phases_ = nullptr, *chosen_ = nullptr;
};

/// Calls f(rows, elements of the volume, place of the first result, z, y, results) for all rows of
/// results, volumes on all workers.
template <class C, class F>
Status for_each_pooled_row(Call& call, const PoolVolume& v, C outside, const Tensor& self,
                           const Tensor& out, F f) {
  SMELT_TRY(check_places(v));
  if (v.count == 0 || v.out_size() == 0) return {};
  const bool same = self.dtype == native(ComputeOf<C>::value);
  const unsigned workers = call.pool().workers();
  struct Worker {
    PoolRows<C> rows;
    C *in, *out;
  };
  SMELT_ASSIGN(Worker * worker, call.scratch().take<Worker>(workers));
  for (unsigned i = 0; i < workers; ++i) {
    SMELT_ASSIGN(PoolRows<C> rows, PoolRows<C>::make(call, v, outside));
    SMELT_ASSIGN(C * in, call.scratch().take<C>(same ? 0 : v.in_size()));
    SMELT_ASSIGN(C * results, call.scratch().take<C>(same ? 0 : v.out_size()));
    std::construct_at(worker + i, Worker{rows, in, results});
  }
  constexpr size_t kGrain = 4096;  // elements
  const size_t bytes = element_size(self.dtype);
  const auto pool = [&](size_t begin, size_t end, unsigned number) {
    Worker& w = worker[number];
    for (size_t i = begin; i < end; ++i) {
      const std::byte* from = self.data + i * v.in_size() * bytes;
      std::byte* to = out.data + i * v.out_size() * bytes;
      if (!same) load_run(call.vectors(), self.dtype, from, v.in_size(), ComputeOf<C>::value, w.in);
      const C* x = same ? reinterpret_cast<const C*>(from) : w.in;
      C* y = same ? reinterpret_cast<C*>(to) : w.out;
      size_t at = 0;
      for (int64_t a = 0; a < v.out[0]; ++a) {
        for (int64_t b = 0; b < v.out[1]; ++b, at += size_t(v.out[2]))
          f(w.rows, x, i * v.out_size() + at, a, b, y + at);
      }
      if (!same) store_run(call.vectors(), out.dtype, to, v.out_size(), ComputeOf<C>::value, y);
    }
  };
  call.pool().parallel_for(v.count, std::max<size_t>(1, kGrain / v.in_size()), pool);
  return {};
}

}  // namespace smelt::program
