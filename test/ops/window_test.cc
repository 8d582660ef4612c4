// Pooling, global averages and resizing of NHWC tensors.
#include <cmath>

#include "op_runner.h"

namespace smelt {

namespace {

constexpr Encoding kS8 = {DType::kS8, 0.03f, -7}, kU8 = {DType::kU8, 0.025f, 120};
constexpr Encoding kEncodings[] = {kF32, kF16, kBF16, kS8, kU8};

struct PoolReference {
  std::vector<double> average, maximum, position;
  Shape shape;
};

PoolReference pool(const TestTensor& in, const PoolAttrs& a, const OutputRange& range) {
  const Shape& s = in.shape();
  const std::vector<double> values = in.values();
  PoolReference r;
  r.shape = {
      s[0],
      (s[1] + a.pad_top + a.pad_bottom - (int64_t(a.pool_h) - 1) * a.dilation_h - 1) / a.stride_h +
          1,
      (s[2] + a.pad_left + a.pad_right - (int64_t(a.pool_w) - 1) * a.dilation_w - 1) / a.stride_w +
          1,
      s[3]};
  for (int64_t n = 0; n < s[0]; ++n) {
    for (int64_t oy = 0; oy < r.shape[1]; ++oy) {
      for (int64_t ox = 0; ox < r.shape[2]; ++ox) {
        for (int64_t c = 0; c < s[3]; ++c) {
          double sum = 0, max = -INFINITY;
          int64_t count = 0, where = 0;
          for (int64_t ky = 0; ky < a.pool_h; ++ky) {
            for (int64_t kx = 0; kx < a.pool_w; ++kx) {
              const int64_t y = oy * a.stride_h - a.pad_top + ky * a.dilation_h;
              const int64_t x = ox * a.stride_w - a.pad_left + kx * a.dilation_w;
              if (y < 0 || y >= s[1] || x < 0 || x >= s[2]) continue;
              const double v = values[size_t(((n * s[1] + y) * s[2] + x) * s[3] + c)];
              sum += v;
              ++count;
              if (v > max) max = v, where = ky * a.pool_w + kx;
            }
          }
          r.average.push_back(std::clamp<double>(sum / double(count), range.min, range.max));
          r.maximum.push_back(std::clamp<double>(max, range.min, range.max));
          r.position.push_back(double(where));
        }
      }
    }
  }
  return r;
}

const PoolAttrs kPools[] = {
    {.pool_h = 2, .pool_w = 2, .stride_h = 2, .stride_w = 2},
    {.pad_top = 1,
     .pad_right = 1,
     .pad_bottom = 1,
     .pad_left = 1,
     .pool_h = 3,
     .pool_w = 3,
     .stride_h = 2,
     .stride_w = 2},
    {.pad_top = 2,
     .pad_right = 0,
     .pad_bottom = 1,
     .pad_left = 3,
     .pool_h = 4,
     .pool_w = 5,
     .stride_h = 1,
     .stride_w = 3},
    {.pool_h = 1, .pool_w = 1, .stride_h = 3, .stride_w = 1},
};

TEST(Pool2d, AverageLeavesPaddingOut) {
  for (const Encoding& e : kEncodings) {
    for (const PoolAttrs& attrs : kPools) {
      for (const Shape& shape : {Shape{2, 9, 10, 5}, Shape{1, 7, 6, 70}}) {
        const TestTensor in = TestTensor::random(e, shape, 1);
        const PoolReference reference = pool(in, attrs, {-1, 1.5f});
        const auto out = run({OpKind::kAvgPool2d, attrs, {-1, 1.5f}, {in}, {e}});
        ASSERT_TRUE(out) << out.error().message;
        ASSERT_EQ((*out)[0].shape(), reference.shape);
        EXPECT_TRUE(matches((*out)[0], reference.average));
      }
    }
  }
}

TEST(Pool2d, MaximumWithDilation) {
  for (const Encoding& e : kEncodings) {
    for (PoolAttrs attrs : kPools) {
      for (uint32_t dilation : {1u, 2u}) {
        attrs.dilation_h = attrs.dilation_w = dilation;
        for (const Shape& shape : {Shape{2, 9, 10, 5}, Shape{1, 8, 9, 70}}) {
          const TestTensor in = TestTensor::random(e, shape, 2);
          for (const OutputRange& range : {OutputRange{}, OutputRange{-1, 2}}) {
            const PoolReference reference = pool(in, attrs, range);
            const auto out = run({OpKind::kMaxPool2d, attrs, range, {in}, {e}});
            ASSERT_TRUE(out) << out.error().message;
            ASSERT_EQ((*out)[0].shape(), reference.shape);
            EXPECT_TRUE(matches((*out)[0], reference.maximum));
          }
        }
      }
    }
  }
}

TEST(Pool2d, MaximumOfALargeTensorIsSplit) {
  const TestTensor in = TestTensor::random(kF32, {1, 60, 60, 64}, 3);
  const PoolAttrs attrs = {.pool_h = 2, .pool_w = 2, .stride_h = 2, .stride_w = 2};
  const auto out = run({OpKind::kMaxPool2d, attrs, {}, {in}, {kF32}});
  ASSERT_TRUE(out);
  EXPECT_TRUE(matches((*out)[0], pool(in, attrs, {}).maximum, 0, 0));
}

TEST(Pool2d, ArgMaxGivesThePositionInTheWindow) {
  for (const Encoding& e : {kF32, kF16}) {
    for (PoolAttrs attrs :
         {PoolAttrs{.pool_h = 2, .pool_w = 3}, PoolAttrs{.pool_h = 9, .pool_w = 1},
          PoolAttrs{.pad_top = 1, .pad_left = 2, .pool_h = 5, .pool_w = 4}}) {
      const TestTensor in = TestTensor::random(e, {2, 9, 10, 20}, 4);
      const auto out = run({OpKind::kArgMaxPool2d, attrs, {}, {in}, {e, {DType::kS32}}});
      ASSERT_TRUE(out) << out.error().message;
      // Windows tile the input.
      attrs.stride_h = attrs.pool_h;
      attrs.stride_w = attrs.pool_w;
      const PoolReference reference = pool(in, attrs, {});
      ASSERT_EQ((*out)[1].shape(), reference.shape);
      EXPECT_TRUE(matches((*out)[0], reference.maximum, 0, 0));
      EXPECT_TRUE(matches((*out)[1], reference.position, 0, 0));
    }
  }
}

TEST(Pool2d, HostileAttributesAreErrors) {
  const TestTensor in(kF32, {1, 4, 4, 2});
  for (const PoolAttrs& attrs :
       {PoolAttrs{.pool_h = 0}, PoolAttrs{.stride_w = 0}, PoolAttrs{.dilation_h = 0},
        PoolAttrs{.pool_h = 5}, PoolAttrs{.pool_w = UINT32_MAX, .dilation_w = UINT32_MAX},
        PoolAttrs{.pool_h = UINT32_MAX, .pool_w = UINT32_MAX},
        PoolAttrs{.pool_h = 3, .dilation_h = 2}}) {
    for (OpKind kind : {OpKind::kMaxPool2d, OpKind::kAvgPool2d}) {
      const auto error = error_of({kind, attrs, {}, {in}, {kF32}});
      ASSERT_TRUE(error);
      EXPECT_EQ(error->code, ErrorCode::kInvalidArgument);
    }
  }
  EXPECT_TRUE(
      error_of({OpKind::kMaxPool2d, PoolAttrs{}, {}, {TestTensor(kF32, {4, 4, 2})}, {kF32}}));
  EXPECT_TRUE(error_of({OpKind::kMaxPool2d, NoAttrs{}, {}, {in}, {kF32}}));
}

TEST(Pool2d, WindowsThatLieInThePaddingDoNoHarm) {
  const PoolAttrs attrs = {.pad_top = 5, .pad_bottom = 5, .pool_h = 2, .pool_w = 2};
  const TestTensor in = TestTensor::random(kF32, {1, 3, 3, 4}, 5);
  for (OpKind kind : {OpKind::kMaxPool2d, OpKind::kAvgPool2d}) {
    const auto out = run({kind, attrs, {}, {in}, {kF32}});
    ASSERT_TRUE(out);
    EXPECT_EQ((*out)[0].values()[0], kind == OpKind::kMaxPool2d ? -INFINITY : 0);
  }
}

TEST(GlobalAvgPool2d, MeansOverHeightAndWidth) {
  for (const Encoding& e : kEncodings) {
    for (const Shape& shape :
         {Shape{2, 7, 7, 130}, Shape{1, 1, 1, 3}, Shape{3, 4, 5, 64}, Shape{1, 56, 56, 65}}) {
      const TestTensor in = TestTensor::random(e, shape, 6);
      const std::vector<double> values = in.values();
      const size_t pixels = shape.numel(1, 3), channels = size_t(shape[3]);
      std::vector<double> expected(size_t(shape[0]) * channels);
      for (size_t i = 0; i < values.size(); ++i) {
        expected[i / channels / pixels * channels + i % channels] += values[i] / double(pixels);
      }
      for (size_t rank : {4, 2}) {
        TestNode node = {OpKind::kGlobalAvgPool2d, NoAttrs{}, {}, {in}, {e}};
        node.declared_rank = rank;
        const auto out = run(node);
        ASSERT_TRUE(out) << out.error().message;
        EXPECT_EQ((*out)[0].shape(),
                  rank == 4 ? (Shape{shape[0], 1, 1, shape[3]}) : (Shape{shape[0], shape[3]}));
        EXPECT_TRUE(matches((*out)[0], expected, 1e-6, 1e-5));
      }
    }
  }
}

/// The real position in the input of an output position.
double source(const ResizeAttrs& attrs, int64_t out_extent, int64_t in_extent, int64_t position) {
  const double ratio = double(in_extent) / double(out_extent);
  if (attrs.align_corners) {
    return out_extent == 1 ? 0 : double(position) * double(in_extent - 1) / double(out_extent - 1);
  }
  if (attrs.legacy_half_pixel) return double(position) * ratio;
  return std::max(0.0, (double(position) + 0.5) * ratio - 0.5);
}

TEST(ResizeBilinear2d, EveryMapping) {
  for (const Encoding& e : kEncodings) {
    for (const auto& [h, w] : {std::pair{10u, 12u}, {1u, 1u}, {3u, 25u}, {5u, 6u}, {2u, 3u}}) {
      for (int mapping = 0; mapping < 3; ++mapping) {
        const ResizeAttrs attrs = {h, w, mapping == 1, mapping == 2};
        const Shape shape = {2, 5, 6, 19};
        const TestTensor in = TestTensor::random(e, shape, 7);
        const std::vector<double> values = in.values();
        std::vector<double> expected;
        for (int64_t n = 0; n < 2; ++n) {
          for (int64_t oy = 0; oy < h; ++oy) {
            for (int64_t ox = 0; ox < w; ++ox) {
              const double y = source(attrs, h, 5, oy), x = source(attrs, w, 6, ox);
              const int64_t y0 = std::min<int64_t>(int64_t(y), 4),
                            x0 = std::min<int64_t>(int64_t(x), 5);
              const int64_t y1 = std::min<int64_t>(y0 + 1, 4), x1 = std::min<int64_t>(x0 + 1, 5);
              const double fy = y - double(y0), fx = x - double(x0);
              for (int64_t c = 0; c < 19; ++c) {
                const auto at = [&](int64_t yy, int64_t xx) {
                  return values[size_t(((n * 5 + yy) * 6 + xx) * 19 + c)];
                };
                expected.push_back((1 - fy) * ((1 - fx) * at(y0, x0) + fx * at(y0, x1)) +
                                   fy * ((1 - fx) * at(y1, x0) + fx * at(y1, x1)));
              }
            }
          }
        }
        const auto out = run({OpKind::kResizeBilinear2d, attrs, {}, {in}, {e}});
        ASSERT_TRUE(out) << out.error().message;
        ASSERT_EQ((*out)[0].shape(), (Shape{2, h, w, 19}));
        EXPECT_TRUE(matches((*out)[0], expected, 1e-6, 1e-5))
            << h << "x" << w << ", mapping " << mapping;
      }
    }
  }
}

TEST(ResizeBilinear2d, EmptySizesAreErrors) {
  EXPECT_TRUE(error_of({OpKind::kResizeBilinear2d,
                        ResizeAttrs{0, 4},
                        {},
                        {TestTensor(kF32, {1, 2, 2, 1})},
                        {kF32}}));
  EXPECT_TRUE(error_of({OpKind::kResizeBilinear2d,
                        ResizeAttrs{4, 4},
                        {},
                        {TestTensor(kF32, {1, 0, 2, 1})},
                        {kF32}}));
  EXPECT_TRUE(error_of(
      {OpKind::kResizeBilinear2d, ResizeAttrs{4, 4}, {}, {TestTensor(kF32, {2, 2, 1})}, {kF32}}));
}

}  // namespace

}  // namespace smelt
