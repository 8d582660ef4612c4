// Fourier transforms against their definition.
#include <complex>
#include <numbers>

#include "operator_cases.h"

namespace smelt::program::testing {
namespace {

using Complex = std::complex<double>;
/// Complex elements, whatever an array holds.
struct Signal {
  Shape shape;
  std::vector<Complex> v;

  explicit Signal(const Array& a) : shape(a.shape), v(a.shape.numel()) {
    for (size_t i = 0; i < v.size(); ++i) {
      v[i] = smelt::testing::complex_type(a.type) ? Complex(a.v[2 * i], a.v[2 * i + 1]) : a.v[i];
    }
  }
  Array as(DType type) const {
    Array a(type, shape, {});
    for (const Complex& x : v) {
      a.v.push_back(stored(type, x.real()));
      if (smelt::testing::complex_type(type)) a.v.push_back(stored(type, x.imag()));
    }
    return a;
  }
  size_t stride(size_t dim) const { return shape.numel(dim + 1, shape.rank()); }
};

/// The sums of the definition along one dimension.
Signal transformed(const Signal& x, size_t dim, bool forward) {
  Signal y = x;
  const auto n = size_t(x.shape[dim]), stride = x.stride(dim);
  for (size_t i = 0; i < x.v.size(); ++i) {
    const size_t k = i / stride % n, first = i - k * stride;
    y.v[i] = 0;
    for (size_t j = 0; j < n; ++j) {
      const double angle = 2 * std::numbers::pi * double(j * k % n) / double(n);
      y.v[i] += x.v[first + j * stride] * std::polar(1.0, forward ? -angle : angle);
    }
  }
  return y;
}
Signal scaled(Signal x, const Index& dims, const Shape& shape, int64_t mode) {
  double n = 1;
  for (const int64_t d : dims) n *= double(shape[size_t(d < 0 ? d + int64_t(shape.rank()) : d)]);
  for (Complex& c : x.v) c *= mode == 0 ? 1 : mode == 1 ? 1 / std::sqrt(n) : 1 / n;
  return x;
}
/// Other extents of one dimension: F(element of the line, its length) says which is taken.
template <class F>
Signal resized(const Signal& x, size_t dim, int64_t extent, F element) {
  Signal y = x;
  y.shape[dim] = extent;
  y.v.resize(y.shape.numel());
  const size_t stride = x.stride(dim);
  for (size_t i = 0; i < y.v.size(); ++i) {
    const size_t k = i / stride % size_t(extent), line = i / stride / size_t(extent);
    const size_t first = line * size_t(x.shape[dim]) * stride + i % stride;
    y.v[i] = element(&x.v[first], stride, k);
  }
  return y;
}
size_t place(int64_t dim, const Shape& shape) {
  return size_t(dim < 0 ? dim + int64_t(shape.rank()) : dim);
}

Array noise(DType t, const Shape& shape, size_t seed = 1) {
  Array a(t, shape, {});
  const size_t n = shape.numel() * (smelt::testing::complex_type(t) ? 2 : 1);
  for (size_t i = 0; i < n; ++i) {
    a.v.push_back(stored(t, double(int64_t((i * 7919 + seed * 104729) % 101) - 50) / 32));
  }
  return a;
}

struct Case {
  Shape shape;
  Index dims;
};
/// Powers of two and of other primes, primes small and large and their products, one element, lines
/// side by side and one behind the other, more lines than are transformed at once, no lines.
std::vector<Case> cases() {
  std::vector<Case> all = {{{2, 3, 4}, {0}},     {{2, 3, 4}, {1}},    {{2, 3, 4}, {-1}},
                           {{2, 3, 4}, {0, 2}},  {{3, 5, 6}, {1, 0}}, {{2, 3, 4}, {0, 1, 2}},
                           {{19, 12}, {1}},      {{16, 20}, {0}},     {{0, 4}, {1}},
                           {{3, 1, 4}, {1, -1}}, {{2, 67, 5}, {1, 2}}};
  for (const int64_t n : {1,  2,  3,  4,  5,  6,   7,   8,   9,   11,  15,  16, 30,
                          31, 61, 64, 67, 97, 122, 128, 134, 210, 243, 251, 400}) {
    all.push_back({{n}, {0}});
  }
  return all;
}

struct Types {
  DType complex, real;
};
constexpr Types kTypes[] = {
    {DType::kC64, DType::kF32}, {DType::kC128, DType::kF64}, {DType::kC32, DType::kF16}};

void refuse(Subject& s, const Array& x, const Index& dims, int64_t mode, bool number, DType out) {
  OperatorProgram call = s.call();
  call.tensor(x).ints(dims).integer(mode);
  number ? call.integer(4) : call.boolean(true);
  s.refuse(call.out(out));
}
void refuse_bad(Subject& s, const Array& x, bool number, DType out, DType other) {
  refuse(s, x, {2}, 0, number, out);
  refuse(s, x, {0, -2}, 0, number, out);
  refuse(s, x, {1}, 3, number, out);
  refuse(s, x, {1}, 0, number, other);
  Array empty = x;
  empty.shape[1] = 0;
  empty.v.clear();
  refuse(s, empty, {1}, 0, number, out);
}

void fft_c2c(Subject& s) {
  for (const auto& [complex, real] : kTypes) {
    for (const Case& c : cases()) {
      for (const int64_t mode : {0, 1, 2}) {
        for (const bool forward : {true, false}) {
          const Array x = noise(complex, c.shape);
          OperatorProgram call = s.call();
          call.tensor(x).ints(c.dims).integer(mode).boolean(forward).out(complex);
          Signal wanted(x);
          for (const int64_t d : c.dims) wanted = transformed(wanted, place(d, c.shape), forward);
          s.expect(call, scaled(wanted, c.dims, c.shape, mode).as(complex), 10);
        }
      }
    }
    OperatorProgram nothing = s.call();
    nothing.tensor(noise(complex, {3})).ints({}).integer(1).boolean(true).out(complex);
    s.expect(nothing, noise(complex, {3}));
    refuse_bad(s, noise(complex, {2, 6}), false, complex, real);
  }
  // A NaN spoils its own line.
  Array x = noise(DType::kC64, {2, 4});
  x.v[2] = x.v[3] = kNan;
  OperatorProgram call = s.call();
  const Array& y = call.tensor(x).ints({1}).integer(0).boolean(true).out(DType::kC64)();
  for (size_t i = 0; i < 16; ++i) EXPECT_EQ(std::isnan(y.v[i]), i < 8);
}

void fft_r2c(Subject& s) {
  for (const auto& [complex, real] : kTypes) {
    for (const Case& c : cases()) {
      for (const int64_t mode : {0, 1, 2}) {
        for (const bool onesided : {true, false}) {
          const Array x = noise(real, c.shape);
          OperatorProgram call = s.call();
          call.tensor(x).ints(c.dims).integer(mode).boolean(onesided).out(complex);
          Signal wanted(x);
          for (const int64_t d : c.dims) wanted = transformed(wanted, place(d, c.shape), true);
          const size_t last = place(c.dims.back(), c.shape);
          if (onesided) {
            wanted = resized(
                wanted, last, c.shape[last] / 2 + 1,
                [](const Complex* line, size_t stride, size_t k) { return line[k * stride]; });
          }
          s.expect(call, scaled(wanted, c.dims, c.shape, mode).as(complex), 10);
        }
      }
    }
    refuse(s, noise(real, {3}), {}, 0, false, complex);
    refuse_bad(s, noise(real, {2, 6}), false, complex, real);
  }
}

void fft_c2r(Subject& s) {
  for (const auto& [complex, real] : kTypes) {
    for (const Case& c : cases()) {
      for (const int64_t mode : {0, 1, 2}) {
        const size_t last = place(c.dims.back(), c.shape);
        const int64_t n = c.shape[last];
        Shape half = c.shape;
        half[last] = n / 2 + 1;
        const Array x = noise(complex, half);
        OperatorProgram call = s.call();
        call.tensor(x).ints(c.dims).integer(mode).integer(n).out(real);
        // The other dimensions first; then what the other half must be for the result to be real.
        Signal wanted(x);
        for (const int64_t d : c.dims) {
          if (place(d, half) != last) wanted = transformed(wanted, place(d, half), false);
        }
        wanted = resized(wanted, last, n, [&](const Complex* line, size_t stride, size_t k) {
          const size_t m = size_t(n) - k;
          if (k == 0 || k == m) return Complex(line[k * stride].real());
          return k < m ? line[k * stride] : std::conj(line[m * stride]);
        });
        wanted = transformed(wanted, last, false);
        s.expect(call, scaled(wanted, c.dims, c.shape, mode).as(real), 10);
      }
    }
    refuse(s, noise(complex, {3}), {}, 0, true, real);
    refuse(s, noise(complex, {2}), {0}, 0, true, real);  // 4 elements need 3 coefficients
    refuse_bad(s, noise(complex, {2, 6}), true, real, complex);
  }
}

constexpr OperatorCase kCases[] = {
    {"aten::_fft_c2c.out", fft_c2c},
    {"aten::_fft_c2r.out", fft_c2r},
    {"aten::_fft_r2c.out", fft_r2c},
};

}  // namespace

std::span<const OperatorCase> fft_cases() { return kCases; }

}  // namespace smelt::program::testing
