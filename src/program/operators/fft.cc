// Discrete Fourier transforms of any length, along any dimensions.
#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <numbers>

#include "program/operators/complex.h"
#include "program/rows.h"

namespace smelt::program {
namespace {

/// Complex numbers as two rows of reals.
struct Parts {
  double *re = nullptr, *im = nullptr;
  Parts operator+(size_t i) const { return {re + i, im + i}; }
  /// Conjugates, but for a factor i: a forward transform of these is an inverse one of those.
  Parts swapped() const { return {im, re}; }
};

/// Prime factors above this make a transform dearer than three of a power of two.
constexpr size_t kLargestFactor = 61;

/// A forward transform of one length: what can be known before there are elements. Powers of two
/// and small primes in passes (Stockham's, which leave the elements in order), large primes as a
/// convolution (Bluestein's). In double, also for float32: beside large coefficients small ones
/// keep their digits.
class Transform {
 public:
  /// `n` is at least 1.
  static Result<Transform> create(size_t n) {
    Transform t;
    t.n_ = n;
    size_t rest = n;
    const auto divide = [&](size_t factor) {
      for (; rest % factor == 0; rest /= factor) t.factors_[t.passes_++] = uint8_t(factor);
    };
    divide(4);
    divide(2);
    for (size_t factor = 3; factor <= kLargestFactor; factor += 2) divide(factor);
    if (rest == 1) {
      SMELT_ASSIGN(t.roots_, t.allocate(n));
      for (size_t k = 0; k < n; ++k) set(t.roots_ + k, 2 * double(k) / double(n));
      return t;
    }
    // k·j = (k² + j² − (k − j)²) / 2: a convolution with roots of squares.
    size_t padded = 1;
    while (padded < 2 * n - 1) padded *= 2;
    SMELT_ASSIGN(Transform convolution, create(padded));
    t.convolution_ = std::make_unique<Transform>(std::move(convolution));
    SMELT_ASSIGN(t.roots_, t.allocate(n));
    for (size_t k = 0; k < n; ++k) set(t.roots_ + k, double(k * k % (2 * n)) / double(n));
    SMELT_ASSIGN(t.filter_, t.allocate(padded));
    SMELT_ASSIGN(Parts other, t.allocate(padded));
    std::fill_n(t.filter_.re, padded, 0);
    std::fill_n(t.filter_.im, padded, 0);
    for (size_t k = 0; k < n; ++k) {
      for (const size_t at : {k, (padded - k) % padded}) {
        t.filter_.re[at] = t.roots_.re[k] / double(padded);
        t.filter_.im[at] = -t.roots_.im[k] / double(padded);
      }
    }
    t.convolution_->run(1, t.filter_, other);
    return t;
  }

  size_t length() const { return n_; }
  /// Elements that a line needs while it is transformed.
  size_t room() const { return convolution_ == nullptr ? n_ : convolution_->n_; }

  /// Transforms `lanes` lines at once: element k of line q is x[k * lanes + q]. Both x and y have
  /// room() * lanes elements; afterwards x is the one with the results.
  void run(size_t lanes, Parts& x, Parts& y) const {
    if (convolution_ != nullptr) return convolve(lanes, x, y);
    size_t stride = 1;
    for (size_t pass = 0; pass < passes_; ++pass) {
      const size_t factor = factors_[pass];
      if (factor == 4) {
        pass4(stride, lanes, x, y);
      } else if (factor == 2) {
        pass2(stride, lanes, x, y);
      } else {
        pass_any(factor, stride, lanes, x, y);
      }
      std::swap(x, y);
      stride *= factor;
    }
  }

 private:
  Result<Parts> allocate(size_t n) {
    SMELT_ASSIGN(AlignedBuffer b, AlignedBuffer::allocate(2 * n * sizeof(double)));
    buffers_.push_back(std::move(b));
    auto* p = reinterpret_cast<double*>(buffers_.back().data());
    return Parts{p, p + n};
  }
  /// exp(−πi·x)
  static void set(Parts to, double x) {
    *to.re = std::cos(std::numbers::pi * x);
    *to.im = -std::sin(std::numbers::pi * x);
  }

  // A pass with factor f sees the elements as x[f][m][stride · lanes] and leaves y[m][f][…]: sums
  // over the first dimension with the roots of f, times the roots of f·m for the passes that
  // follow.

  void pass2(size_t stride, size_t lanes, Parts x, Parts y) const {
    const size_t m = n_ / (2 * stride), run = stride * lanes;
    for (size_t p = 0; p < m; ++p) {
      const double wr = roots_.re[p * stride], wi = roots_.im[p * stride];
      const Parts a = x + run * p, b = x + run * (p + m), s = y + run * 2 * p, d = s + run;
      for (size_t q = 0; q < run; ++q) {
        const double re = a.re[q] - b.re[q], im = a.im[q] - b.im[q];
        s.re[q] = a.re[q] + b.re[q];
        s.im[q] = a.im[q] + b.im[q];
        d.re[q] = re * wr - im * wi;
        d.im[q] = re * wi + im * wr;
      }
    }
  }

  void pass4(size_t stride, size_t lanes, Parts x, Parts y) const {
    const size_t m = n_ / (4 * stride), run = stride * lanes;
    for (size_t p = 0; p < m; ++p) {
      const Parts a = x + run * p, b = a + run * m, c = b + run * m, d = c + run * m;
      const Parts out = y + run * 4 * p;
      double wr[4], wi[4];
      for (size_t k = 1; k < 4; ++k) {
        wr[k] = roots_.re[k * p * stride];
        wi[k] = roots_.im[k * p * stride];
      }
      const auto put = [&](size_t k, size_t q, double re, double im) {
        out.re[run * k + q] = re * wr[k] - im * wi[k];
        out.im[run * k + q] = re * wi[k] + im * wr[k];
      };
      for (size_t q = 0; q < run; ++q) {
        const double acr = a.re[q] + c.re[q], aci = a.im[q] + c.im[q];
        const double bdr = b.re[q] + d.re[q], bdi = b.im[q] + d.im[q];
        const double acr2 = a.re[q] - c.re[q], aci2 = a.im[q] - c.im[q];
        const double bdr2 = b.re[q] - d.re[q], bdi2 = b.im[q] - d.im[q];
        out.re[q] = acr + bdr;
        out.im[q] = aci + bdi;
        put(1, q, acr2 + bdi2, aci2 - bdr2);
        put(2, q, acr - bdr, aci - bdi);
        put(3, q, acr2 - bdi2, aci2 + bdr2);
      }
    }
  }

  void pass_any(size_t factor, size_t stride, size_t lanes, Parts x, Parts y) const {
    const size_t m = n_ / (factor * stride), run = stride * lanes;
    for (size_t p = 0; p < m; ++p) {
      for (size_t k = 0; k < factor; ++k) {
        const Parts out = y + run * (factor * p + k);
        std::fill_n(out.re, run, 0);
        std::fill_n(out.im, run, 0);
        for (size_t j = 0; j < factor; ++j) {
          const size_t root = (p * k * stride + j * k % factor * (n_ / factor)) % n_;
          const double wr = roots_.re[root], wi = roots_.im[root];
          const Parts a = x + run * (p + m * j);
          for (size_t q = 0; q < run; ++q) {
            out.re[q] += a.re[q] * wr - a.im[q] * wi;
            out.im[q] += a.re[q] * wi + a.im[q] * wr;
          }
        }
      }
    }
  }

  /// x[k] *= w[k], where they are `lanes` lines.
  static void multiply(size_t n, size_t lanes, Parts x, Parts w) {
    for (size_t k = 0; k < n; ++k) {
      const double wr = w.re[k], wi = w.im[k];
      for (size_t i = k * lanes; i < (k + 1) * lanes; ++i) {
        const double re = x.re[i], im = x.im[i];
        x.re[i] = re * wr - im * wi;
        x.im[i] = re * wi + im * wr;
      }
    }
  }
  void convolve(size_t lanes, Parts& x, Parts& y) const {
    const size_t padded = convolution_->n_;
    multiply(n_, lanes, x, roots_);
    std::fill(x.re + n_ * lanes, x.re + padded * lanes, 0);
    std::fill(x.im + n_ * lanes, x.im + padded * lanes, 0);
    convolution_->run(lanes, x, y);
    multiply(padded, lanes, x, filter_);
    Parts a = x.swapped(), b = y.swapped();
    convolution_->run(lanes, a, b);
    x = a.swapped(), y = b.swapped();
    multiply(n_, lanes, x, roots_);
  }

  size_t n_ = 1, passes_ = 0;
  std::array<uint8_t, 64> factors_ = {};
  Parts roots_;  ///< of unity, or of what Bluestein's squares need
  Parts filter_;
  std::unique_ptr<Transform> convolution_;
  std::vector<AlignedBuffer> buffers_;
};

/// Transforms of the lengths that an instruction has seen.
class Transforms : public OperatorState {
 public:
  static Result<const Transform*> find(Call& call, size_t n) {
    if (call.state() == nullptr) call.state() = std::make_unique<Transforms>();
    auto& known = static_cast<Transforms&>(*call.state()).known_;
    for (const Transform& t : known) {
      if (t.length() == n) return &t;
    }
    constexpr size_t kMost = 8;
    SMELT_ASSIGN(Transform made, Transform::create(n));
    if (known.size() == kMost) known.pop_front();
    return &known.emplace_back(std::move(made));
  }

 private:
  std::deque<Transform> known_;
};

/// Transforms lines along `dim`, of length `n`, from one tensor to another, which may be the same.
/// Of a line to a real one the first half is read, and the rest taken from its symmetry. As many
/// coefficients are written as there is room for.
Status transform(Call& call, const Strided& from, const Strided& to, size_t dim, size_t n,
                 bool forward, double scale) {
  const bool symmetric = !is_complex(to.dtype);
  SMELT_ASSIGN(const Transform* plan, Transforms::find(call, n));
  std::array<bool, kMaxRank> set = {};
  set[dim] = true;
  const Rows from_re(real_part(from), set), from_im(imaginary_part(from), set);
  const Rows to_re(real_part(to), set), to_im(imaginary_part(to), set);
  const size_t given = std::min(n, from_re.length()), lines = from_re.count();
  if (lines == 0) return {};
  constexpr size_t kLanes = 8;
  const size_t most = std::min(lines, kLanes), area = plan->room() * most;
  const size_t line = std::max({n, from_re.length(), to_re.length()});
  const size_t per_worker = 4 * area + line;
  SMELT_ASSIGN(double* memory, call.scratch().take<double>(per_worker * call.pool().workers()));
  const auto range = [&](size_t begin, size_t end, unsigned worker) {
    double* p = memory + per_worker * worker;
    double* buffer = p + 4 * area;
    for (size_t group = begin; group < end; ++group) {
      const size_t first = group * most, lanes = std::min(most, lines - first);
      Parts x{p, p + area}, y{p + 2 * area, p + 3 * area};
      for (size_t q = 0; q < lanes; ++q) {
        const auto load = [&](const Rows& rows, double* part, double mirrored) {
          const double* v = rows.read(call.vectors(), first + q, buffer);
          for (size_t k = 0; k < given; ++k) part[k * lanes + q] = v[k];
          if (!symmetric) return;
          for (size_t k = n / 2 + 1; k < n; ++k) part[k * lanes + q] = mirrored * v[n - k];
        };
        load(from_re, x.re, 1);
        load(from_im, x.im, -1);
        if (symmetric) {  // what is its own mirror image is real
          x.im[q] = 0;
          if (n % 2 == 0) x.im[n / 2 * lanes + q] = 0;
        }
      }
      if (!forward) x = x.swapped(), y = y.swapped();
      plan->run(lanes, x, y);
      if (!forward) x = x.swapped();
      for (size_t q = 0; q < lanes; ++q) {
        const auto store = [&](const Rows& rows, const double* part) {
          for (size_t k = 0; k < rows.length(); ++k) buffer[k] = part[k * lanes + q] * scale;
          rows.write(call.vectors(), first + q, buffer);
        };
        store(to_re, x.re);
        if (!symmetric) store(to_im, x.im);
      }
    }
  };
  call.pool().parallel_for(div_up(lines, most), 1, range);
  return {};
}

/// The dimensions in a list, counted from the front, and the factor of a normalisation mode.
struct Axes {
  std::array<size_t, kMaxRank> dim = {};
  size_t count = 0;
  double scale = 1;
};
/// `signal`: the shape before or after the transform that is not halved.
Result<Axes> axes_of(Call& call, const Shape& signal) {
  const auto dims = call.ints(1);
  const int64_t mode = call.integer(2);
  if (mode < 0 || mode > 2) return invalid("normalisation {}", mode);
  SMELT_TRY(dimension_set(dims, signal.rank(), false));
  Axes axes;
  double n = 1;
  for (const int64_t d : dims) {
    SMELT_ASSIGN(const size_t dim, normalize_dim(d, signal.rank()));
    if (signal.rank() == 0 || signal[dim] == 0) {
      return invalid("a transform along dimension {} of {}", d, to_string(signal));
    }
    n *= double(signal[dim]);
    axes.dim[axes.count++] = dim;
  }
  axes.scale = mode == 0 ? 1 : mode == 1 ? 1 / std::sqrt(n) : 1 / n;
  return axes;
}

/// Transforms along several dimensions, in this order. What lies between them is kept in double.
Status transforms(Call& call, const Strided& from, const Strided& to, const Axes& axes,
                  const Shape& signal, bool forward) {
  Strided between = to;
  if (axes.count > 1) {
    const Shape& shape = is_complex(to.dtype) ? to.shape : from.shape;
    SMELT_ASSIGN(std::byte * p, call.scratch().take(shape.numel() * element_size(DType::kC128)));
    between = Strided(p, DType::kC128, shape, row_major_strides(shape));
  }
  for (size_t i = 0; i < axes.count; ++i) {
    const size_t d = axes.dim[i];
    const bool last = i + 1 == axes.count;
    SMELT_TRY(transform(call, i == 0 ? from : between, last ? to : between, d, size_t(signal[d]),
                        forward, last ? axes.scale : 1));
  }
  return {};
}

[[nodiscard]] tl::unexpected<Error> no_transform(const Tensor& from, const Tensor& to) {
  return invalid("a transform of {} to {}", smelt::name(from.dtype), smelt::name(to.dtype));
}

/// (self, dims, normalisation, forward, out)
Status fft_c2c(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(4);
  if (!is_complex(self.dtype) || !is_complex(out.dtype)) return no_transform(self, out);
  SMELT_ASSIGN(const Axes axes, axes_of(call, self.shape));
  SMELT_TRY(out.resize(self.shape));
  if (axes.count == 0) copy(call, Strided(out), Strided(self));
  return transforms(call, Strided(self), Strided(out), axes, self.shape, call.boolean(3));
}

/// (self, dims, normalisation, onesided, out): half of the last dimension, for the other half
/// follows from it, or all of it.
Status fft_r2c(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(4);
  if (!is_float(self.dtype) || !is_complex(out.dtype)) return no_transform(self, out);
  SMELT_ASSIGN(Axes axes, axes_of(call, self.shape));
  if (axes.count == 0) return invalid("a transform along no dimension");
  Shape shape = self.shape;
  int64_t& halved = shape[axes.dim[axes.count - 1]];
  if (call.boolean(3)) halved = halved / 2 + 1;
  SMELT_TRY(out.resize(shape));
  std::reverse(axes.dim.begin(), axes.dim.begin() + ptrdiff_t(axes.count));
  return transforms(call, Strided(self), Strided(out), axes, self.shape, true);
}

/// (self, dims, normalisation, size of the last dimension, out): back from one half.
Status fft_c2r(Call& call) {
  const Tensor& self = call.tensor(0);
  const auto dims = call.ints(1);
  const int64_t last = call.integer(3);
  Tensor& out = call.tensor(4);
  if (!is_complex(self.dtype) || !is_float(out.dtype)) return no_transform(self, out);
  if (dims.empty() || self.rank() == 0) return invalid("a transform along no dimension");
  SMELT_ASSIGN(const size_t d, normalize_dim(dims.back(), self.rank()));
  if (last < 1 || last / 2 + 1 > self.shape[d]) {
    return invalid("{} elements from {} coefficients", last, self.shape[d]);
  }
  Shape shape = self.shape;
  shape[d] = last;
  SMELT_ASSIGN(const Axes axes, axes_of(call, shape));
  SMELT_TRY(out.resize(shape));
  return transforms(call, Strided(self), Strided(out), axes, shape, false);
}

// They have a complex tensor on one side at least, and say themselves on which.
constexpr Operator kOperators[] = {
    moving({"aten::_fft_c2c.out", "TLIBW", fft_c2c}),
    moving({"aten::_fft_c2r.out", "TLIIW", fft_c2r}),
    moving({"aten::_fft_r2c.out", "TLIBW", fft_r2c}),
};
constexpr auto kTable = of_category(Category::kElementwise, kOperators);

}  // namespace

std::span<const Operator> fft_operators() { return kTable; }

}  // namespace smelt::program
