#include "compare.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "elements.h"

namespace smelt::cli {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// |a - b|; 0 where both are the same infinity or both are NaN.
template <class T>
double distance(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    // Exact first, rounded last: neighbours beyond 2^53 are still different.
    return a > b ? double(uint64_t(a) - uint64_t(b)) : double(uint64_t(b) - uint64_t(a));
  } else {
    if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
    const double d = std::abs(double(a) - double(b));
    return std::isnan(d) ? kInfinity : d;
  }
}

}  // namespace

Comparison compare(const Array& ours, const Array& expected, Tolerance tolerance) {
  Comparison c;
  const size_t per_element = parts(expected.dtype);
  c.elements = expected.shape.numel() * per_element;
  double worst_excess = -kInfinity;
  with_element_type(expected.dtype, [&]<class T> {
    for (size_t i = 0; i < c.elements; ++i) {
      const auto a = load_element<T>(ours.bytes.data(), i),
                 b = load_element<T>(expected.bytes.data(), i);
      const double error = distance(a, b);
      const double scale = std::abs(double(b));
      // A NaN or an infinity is expected exactly: no relative tolerance makes room around it.
      const double allowed = tolerance.atol + (std::isfinite(scale) ? tolerance.rtol * scale : 0);
      if (!(error <= allowed)) ++c.wrong;
      if (std::isfinite(error) && error > c.max_error) c.max_error = error;
      if (error - allowed > worst_excess) {
        worst_excess = error - allowed;
        c.worst = i / per_element;
        c.ours = double(a), c.expected = double(b), c.error = error, c.allowed = allowed;
      }
    }
  });
  return c;
}

std::string describe(const Comparison& c, const Shape& shape) {
  Shape at = shape;
  size_t rest = c.worst;
  for (size_t d = shape.rank(); d-- > 0;) {
    at[d] = int64_t(rest % size_t(shape[d]));
    rest /= size_t(shape[d]);
  }
  return fmt::format(
      "at [{}]: ours {:.9g}, expected {:.9g}, error {:.3g} > {:.3g} allowed ({} of {} elements are "
      "wrong)",
      fmt::join(at.dims(), ", "), c.ours, c.expected, c.error, c.allowed, c.wrong, c.elements);
}

}  // namespace smelt::cli
