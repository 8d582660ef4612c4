// Images of bytes at other sizes, by the rules of eager PyTorch.
#pragma once

#include <algorithm>

#include "operator_cases.h"

namespace smelt::program::testing {

/// Weights of one output, and the first input that has one.
struct Weighted {
  int64_t first;
  Values weights;
};

/// Bytes along one dimension, by eager PyTorch's rules: 16-bit weights, sums rounded to bytes.
inline Array filter_bytes(const Array& x, size_t dim, const std::vector<Weighted>& outputs) {
  double largest = 0;
  for (const Weighted& o : outputs) largest = std::max(largest, std::ranges::max(o.weights));
  int places = 0;
  while (std::floor(largest * std::exp2(places + 1) + 0.5) < 32768) ++places;
  Shape shape = x.shape;
  shape[dim] = int64_t(outputs.size());
  Array y(x.type, shape, Values(shape.numel()));
  for_each_index(shape, [&](const Index& at) {
    const Weighted& o = outputs[size_t(at[dim])];
    double sum = std::exp2(places - 1);
    for (size_t k = 0; k < o.weights.size(); ++k) {
      Index from = at;
      from[dim] = o.first + int64_t(k);
      sum += std::floor(o.weights[k] * std::exp2(places) + 0.5) * x(from);
    }
    y(at) = std::clamp(std::floor(sum / std::exp2(places)), 0.0, 255.0);
  });
  return y;
}

}  // namespace smelt::program::testing
