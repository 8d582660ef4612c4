// Pooling where channels are innermost: the pixels under a window are folded into one.
#pragma once

#include <algorithm>

#include "program/operators/folds.h"
#include "program/operators/pool_volume.h"

namespace smelt::program {

/// The pixels under one window.
template <class C>
struct PixelsUnder {
  const C** pixels;  ///< of `channels` elements each
  int32_t* places;   ///< in the volume
  int32_t* chosen;   ///< one for each channel: room for where the largest are
  size_t count, channels;
};

/// Calls f(pixels, position of the window, place of the first result, results) for all windows, on
/// all workers.
template <class C, class F>
Status for_each_pooled_pixel(Call& call, const PoolVolume& v, const Tensor& self, const Tensor& out,
                             F f) {
  SMELT_TRY(check_places(v));
  const size_t channels = size_t(self.shape[1]), windows = v.out_size();
  if (v.count == 0 || windows == 0) return {};
  SMELT_ASSIGN(const C* x, elements<C>(call, self));
  SMELT_ASSIGN(C * y, result_elements<C>(call, out));
  const size_t most = v.most(0) * v.most(1) * v.most(2);
  const unsigned workers = call.pool().workers();
  SMELT_ASSIGN(auto* worker, call.scratch().take<PixelsUnder<C>>(workers));
  for (unsigned i = 0; i < workers; ++i) {
    SMELT_ASSIGN(const C** pixels, call.scratch().take<const C*>(most));
    SMELT_ASSIGN(int32_t * places, call.scratch().take<int32_t>(most));
    SMELT_ASSIGN(int32_t * chosen, call.scratch().take<int32_t>(channels));
    worker[i] = {pixels, places, chosen, 0, channels};
  }
  constexpr size_t kGrain = 4096;  // elements
  const size_t grain = std::max<size_t>(1, kGrain / std::max<size_t>(1, most * channels));
  const auto pool = [&](size_t begin, size_t end, unsigned number) {
    PixelsUnder<C>& under = worker[number];
    for (size_t i = begin; i < end; ++i) {
      const auto at = int64_t(i % windows);
      const int64_t position[kPoolDims] = {at / v.out[2] / v.out[1], at / v.out[2] % v.out[1],
                                           at % v.out[2]};
      const C* volume = x + i / windows * v.in_size() * channels;
      const auto span = [&](size_t d) { return v.spans[d][position[d]]; };
      under.count = 0;
      for (int64_t a = span(0).begin; a < span(0).end; a += span(0).step) {
        for (int64_t b = span(1).begin; b < span(1).end; b += span(1).step) {
          for (int64_t c = span(2).begin; c < span(2).end; c += span(2).step) {
            const int64_t place = (a * v.in[1] + b) * v.in[2] + c;
            under.places[under.count] = int32_t(place);
            under.pixels[under.count++] = volume + size_t(place) * channels;
          }
        }
      }
      f(under, position, i * channels, y + i * channels);
    }
  };
  call.pool().parallel_for(v.count / channels * windows, grain, pool);
  store(out, y);
  return {};
}

}  // namespace smelt::program
