#include <numeric>

#include "ops/column_images.h"
#include "ops/conv_op.h"

namespace smelt {

namespace {

Result<size_t> output_extent(const ConvAxis& axis, size_t in) {
  const uint64_t padded = uint64_t(in) + axis.pad_before + axis.pad_after;
  if (padded < axis.span())
    return fail(ErrorCode::kInvalidArgument,
                "a filter that spans {} does not fit an input of {} with padding {} + {}",
                axis.span(), in, axis.pad_before, axis.pad_after);
  return size_t((padded - axis.span()) / axis.stride + 1);
}

std::vector<size_t> all_taps(const ConvAxis& axis, size_t) {
  std::vector<size_t> taps(axis.kernel);
  std::iota(taps.begin(), taps.end(), 0);
  return taps;
}

WindowAxis window(const ConvAxis& axis, size_t, size_t in, size_t out) {
  WindowAxis w{.count = out, .in_extent = in, .in_step = ptrdiff_t(axis.stride)};
  for (size_t k = 0; k < axis.kernel; ++k)
    w.offsets.push_back(ptrdiff_t(k * axis.dilation) - ptrdiff_t(axis.pad_before));
  return w;
}

constexpr WindowRule kConvolution{.output = output_extent,
                                  .phases = [](const ConvAxis&) { return size_t(1); },
                                  .taps = all_taps,
                                  .window = window};

}  // namespace

const WindowRule& convolution_rule() { return kConvolution; }

Result<std::unique_ptr<const Op>> make_conv2d(const NodeSpec& spec, const Cpu& cpu) {
  return make_seeing_lines(spec, cpu, [](const NodeSpec& seen, const Cpu& on) {
    return make_conv(seen, on, kConvolution);
  });
}

}  // namespace smelt
