// Pooling of rows of any width: where vectors begin, end and leave something over.
#include "operator_cases.h"

namespace smelt::program::testing {
namespace {

struct Windows {
  int64_t kernel, stride, padding, dilation;
  bool ceil;

  int64_t count(int64_t n) const {
    const int64_t reach = dilation * (kernel - 1) + 1;
    int64_t windows = 0;
    for (int64_t first = -padding; first + reach <= n + padding; first += stride) ++windows;
    // One more, for what is left over, if it begins before the right padding.
    const int64_t first = windows * stride - padding, last_end = first - stride + reach;
    return windows + (ceil && windows != 0 && last_end < n + padding && first < n);
  }
};

const Windows kWindows[] = {
    {2, 2, 0, 1, false}, {3, 1, 1, 1, false}, {3, 2, 1, 1, true},  {3, 2, 0, 2, false},
    {3, 3, 1, 1, true},  {2, 3, 0, 1, true},  {5, 4, 2, 1, false}, {2, 1, 1, 3, true},
    {1, 2, 0, 1, true},  {7, 1, 3, 1, false}, {1, 1, 0, 1, false}, {66, 1, 0, 1, false},
    {65, 2, 1, 1, true}, {4, 5, 2, 3, true},
};
constexpr int64_t kWidths[] = {1,  2,  3,  4,  5,  7,  8,  9,  15, 16,
                               17, 31, 32, 33, 35, 63, 66, 67, 70, 131};

/// Calls f(window, image) for windows that fit. Rows lie under windows of 2 that move by 1.
template <class F>
void for_each_image(DType t, F f) {
  for (const Windows& w : kWindows) {
    for (const int64_t width : kWidths) {
      if (w.count(width) <= 0) continue;
      Array x = sample(t, {3, 3, width}, size_t(width));
      for (size_t i = 5; real_type(t) && i < x.v.size(); i += 13) {
        x.v[i] = i % 3 == 0 ? kNan : i % 3 == 1 ? -kInf : x.v[i - 1];
      }
      f(w, x);
    }
  }
}

/// Calls f(inside, index) for what a window covers: padded places have a negative index.
template <class F>
void for_each_place(const Windows& w, const Array& x, const Index& o, F f) {
  const int64_t width = x.shape[2];
  for (int64_t row = o[1]; row < o[1] + 2; ++row) {
    for (int64_t k = 0; k < w.kernel; ++k) {
      const int64_t at = o[2] * w.stride - w.padding + k * w.dilation;
      if (at < width + w.padding)
        f(at >= 0 && at < width, size_t((o[0] * 3 + row) * width + at), row * width + at);
    }
  }
}

/// A volume whose channels lie innermost needs a dimension of batches.
const OperatorProgram::Order kChannelsLast = {0, 2, 3, 1};
Array in_batches(Array a, bool yes) {
  if (yes) a.shape = {1, a.shape[0], a.shape[1], a.shape[2]};
  return a;
}

TEST(PoolRows, MaximaAndTheirPlaces) {
  Subject s("aten::max_pool2d_with_indices.out");
  for (const DType t : kReals) {
    for_each_image(t, [&](const Windows& w, const Array& x) {
      SCOPED_TRACE(fmt::format("{} {}/{} {} {} {} of {}", name(t), w.kernel, w.stride, w.padding,
                               w.dilation, w.ceil, x.shape[2]));
      Array best(t, {3, 2, w.count(x.shape[2])}, {});
      best.v.resize(best.shape.numel());
      Array places(DType::kS64, best.shape, Values(best.v.size()));
      for_each_index(best.shape, [&](const Index& o) {
        bool any = false;
        for_each_place(w, x, o, [&](bool inside, size_t from, int64_t place) {
          if (!inside) return;
          const double v = x.v[from];
          if (any && !(v > best(o)) && !std::isnan(v)) return;
          any = true;
          best(o) = v;
          places(o) = double(place);
        });
      });
      for (const bool last : {false, true}) {
        const auto order = last ? kChannelsLast : OperatorProgram::Order();
        OperatorProgram call = s.call();
        call.tensor(in_batches(x, last), order).ints({2, w.kernel}).ints({1, w.stride});
        call.ints({0, w.padding}).ints({1, w.dilation}).boolean(w.ceil).out(t, order);
        call.out(DType::kS64, order);
        s.expect(call, in_batches(best, last));
        s.expect(call.result(1), in_batches(places, last));
      }
    });
  }
  EXPECT_GT(s.compared(), 1000u);
}

TEST(PoolRows, Averages) {
  Subject s("aten::avg_pool2d.out");
  for (const DType t : kReals) {
    for_each_image(t, [&](const Windows& w, Array x) {
      if (w.dilation != 1) return;
      SCOPED_TRACE(fmt::format("{} {}/{} {} {} of {}", name(t), w.kernel, w.stride, w.padding,
                               w.ceil, x.shape[2]));
      for (const bool with_padding : {false, true}) {
        Array mean(t, {3, 2, w.count(x.shape[2])}, {});
        mean.v.resize(mean.shape.numel());
        for_each_index(mean.shape, [&](const Index& o) {
          double sum = 0, n = 0;
          for_each_place(w, x, o, [&](bool inside, size_t from, int64_t) {
            sum += inside ? x.v[from] : 0;
            n += inside || with_padding;
          });
          mean(o) = stored(t, n == 0 ? 0 : real_type(t) ? sum / n : std::trunc(sum / n));
        });
        for (const bool last : {false, true}) {
          const auto order = last ? kChannelsLast : OperatorProgram::Order();
          OperatorProgram call = s.call();
          call.tensor(in_batches(x, last), order).ints({2, w.kernel}).ints({1, w.stride});
          call.ints({0, w.padding}).boolean(w.ceil).boolean(with_padding).none().out(t, order);
          s.expect(call, in_batches(mean, last), 4);
        }
      }
    });
  }
  EXPECT_GT(s.compared(), 1000u);
}

TEST(PoolRows, FloatsArePooledByVectorKernels) {
  for (const DType t : kFloats) {
    OperatorProgram average("aten::avg_pool2d.out");
    average.tensor(sample(t, {1, 2, 8, 8})).ints({2, 2}).ints({}).ints({0, 0}).boolean(false);
    average.boolean(true).none().out(t);
    average();
    OperatorProgram largest("aten::max_pool2d_with_indices.out");
    largest.tensor(sample(t, {1, 2, 8, 8})).ints({2, 2}).ints({}).ints({0, 0}).ints({});
    largest.boolean(false).out(t).out(DType::kS64);
    largest();
    const bool vectors = t != DType::kF64;
    EXPECT_EQ(average.explain().kernel.starts_with("vector_"), vectors) << name(t);
    EXPECT_EQ(largest.explain().kernel.starts_with("vector_"), vectors) << name(t);
  }
}

}  // namespace
}  // namespace smelt::program::testing
