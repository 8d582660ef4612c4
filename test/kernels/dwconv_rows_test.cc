// Pointers of depthwise convolutions against the definition of a window, position by position.
#include <gtest/gtest.h>

#include "kernels/dwconv/rows.h"

namespace smelt {
namespace {

struct Axis {
  size_t extent, kernel, stride, dilation, pad;
  size_t count() const { return (extent + 2 * pad - ((kernel - 1) * dilation + 1)) / stride + 1; }
  WindowAxis window() const {
    WindowAxis axis{.count = count(), .in_extent = extent, .in_step = ptrdiff_t(stride)};
    for (size_t k = 0; k < kernel; ++k)
      axis.offsets.push_back(ptrdiff_t(k * dilation) - ptrdiff_t(pad));
    return axis;
  }
};

void check(const Axis& y, const Axis& x, const OutputPixels& o) {
  SCOPED_TRACE(testing::Message() << y.extent << " x " << x.extent << ", kernel " << y.kernel
                                  << " x " << x.kernel << ", stride " << x.stride << ", dilation "
                                  << x.dilation << ", padding " << x.pad << "; " << o.lines << " x "
                                  << o.pixels << " from " << o.y << ", " << o.x);
  constexpr size_t kPixel = 3, kOutPixel = 5;
  const WindowRows map{.y = y.window(),
                       .x = x.window(),
                       .in_line = x.extent * kPixel,
                       .in_pixel = kPixel,
                       .out_line = x.count() * kOutPixel,
                       .out_pixel = kOutPixel};
  std::vector<std::byte> in(y.extent * x.extent * kPixel), out(y.count() * x.count() * kOutPixel);
  const std::byte zero{};
  const TapPointers to = tap_pointers(map, o.lines, o.pixels);
  EXPECT_EQ(to.shared_rows, y.dilation == 1 && y.stride < y.kernel)
      << "sharing is what saves most of the pointers";
  EXPECT_EQ(to.shared_columns, x.dilation == 1 && x.stride < x.kernel);
  std::vector<const void*> rows(to.count());
  std::vector<void*> out_rows(o.lines * o.pixels);
  resolve_tap_pointers(map, o, in.data(), &zero, out.data(), rows.data(), out_rows.data());
  for (size_t l = 0; l < o.lines; ++l) {
    for (size_t i = 0; i < o.pixels; ++i) {
      EXPECT_EQ(out_rows[l * o.pixels + i],
                out.data() + ((o.y + l) * x.count() + o.x + i) * kOutPixel);
      for (size_t ky = 0; ky < y.kernel; ++ky) {
        for (size_t kx = 0; kx < x.kernel; ++kx) {
          const ptrdiff_t at_y =
              ptrdiff_t((o.y + l) * y.stride + ky * y.dilation) - ptrdiff_t(y.pad);
          const ptrdiff_t at_x =
              ptrdiff_t((o.x + i) * x.stride + kx * x.dilation) - ptrdiff_t(x.pad);
          const bool inside =
              at_y >= 0 && at_x >= 0 && size_t(at_y) < y.extent && size_t(at_x) < x.extent;
          const std::byte* want =
              inside ? in.data() + (size_t(at_y) * x.extent + size_t(at_x)) * kPixel : &zero;
          ASSERT_EQ(rows.at(l * to.line_step + ky * to.tap_step + i * to.pixel_step + kx), want)
              << "line " << l << ", pixel " << i << ", tap " << ky << ", " << kx;
        }
      }
    }
  }
}

TEST(TapPointers, Windows) {
  for (size_t stride : {1, 2, 3, 4})
    for (size_t dilation : {1, 2, 3})
      for (size_t pad : {0, 1, 3, 7}) {
        const Axis y{5, 2, stride, dilation, pad}, x{9, 3, stride, dilation, pad};
        check(y, x, {0, 0, y.count(), x.count()});
        if (x.count() > 2) check(y, x, {0, 1, 1, x.count() - 2});
        check(y, x, {y.count() - 1, x.count() - 1, 1, 1});
      }
}

TEST(TapPointers, AxesThatDiffer) {
  const Axis near{8, 3, 1, 1, 1}, apart{8, 3, 1, 2, 1};
  check(near, apart, {2, 1, 3, 4});
  check(apart, near, {1, 2, 3, 4});
}

TEST(TapPointers, WindowWiderThanTheImage) {
  const Axis y{1, 5, 1, 1, 2}, x{2, 7, 1, 1, 6};
  check(y, x, {0, 0, y.count(), x.count()});
  check({1, 1, 1, 1, 0}, {1, 3, 2, 1, 9}, {0, 0, 1, 9});
}

}  // namespace
}  // namespace smelt
