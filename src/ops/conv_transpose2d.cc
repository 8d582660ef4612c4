// A transposed convolution is one convolution per phase. With q = floor((o + pad) / stride) and r
// the remainder,
//
//   out[o] = sum over k and i with i * stride + k * dilation = o + pad,  of in[i] x filter[k]
//
// A tap k lands on o only if k * dilation leaves the remainder r, too; then i = q - floor(k *
// dilation / stride). Output positions of the same r are a plain convolution of stride 1 with those
// taps; where there are none, the output is bias.
#include "ops/column_images.h"
#include "ops/conv_op.h"

namespace smelt {

namespace {

// More phases than filters have any use for; each has weights and a plan of its own.
constexpr size_t kMaxStride = 64;

Result<size_t> output_extent(const ConvAxis& axis, size_t in) {
  const uint64_t pad = uint64_t(axis.pad_before) + axis.pad_after;
  const uint64_t reached = in == 0 ? 0 : uint64_t(in - 1) * axis.stride + axis.span() + axis.adjust;
  if (reached <= pad)
    return fail(ErrorCode::kInvalidArgument, "an input of {} leaves no output after {} of padding",
                in, pad);
  return size_t(reached - pad);
}

std::vector<size_t> phase_taps(const ConvAxis& axis, size_t phase) {
  std::vector<size_t> taps;
  for (size_t k = 0; k < axis.kernel; ++k)
    if (k * axis.dilation % axis.stride == phase) taps.push_back(k);
  return taps;
}

WindowAxis window(const ConvAxis& axis, size_t phase, size_t in, size_t out) {
  const size_t first = (phase + axis.stride - axis.pad_before % axis.stride) % axis.stride;
  WindowAxis w{.count = first < out ? (out - 1 - first) / axis.stride + 1 : 0,
               .in_extent = in,
               .in_step = 1,
               .out_first = first,
               .out_step = axis.stride};
  const size_t q = (first + axis.pad_before) / axis.stride;
  for (size_t k : phase_taps(axis, phase))
    w.offsets.push_back(ptrdiff_t(q) - ptrdiff_t(k * axis.dilation / axis.stride));
  return w;
}

constexpr WindowRule kTransposed{.output = output_extent,
                                 .phases = [](const ConvAxis& axis) { return axis.stride; },
                                 .taps = phase_taps,
                                 .window = window};

}  // namespace

Result<std::unique_ptr<const Op>> make_conv_transpose2d(const NodeSpec& spec, const Cpu& cpu) {
  if (const auto* attrs = std::get_if<ConvAttrs>(&spec.attrs);
      attrs != nullptr && (attrs->stride_h > kMaxStride || attrs->stride_w > kMaxStride))
    return fail(ErrorCode::kUnsupported, "stride {} x {}; supported: up to {}", attrs->stride_h,
                attrs->stride_w, kMaxStride);
  return make_seeing_lines(spec, cpu, [](const NodeSpec& seen, const Cpu& on) {
    return make_conv(seen, on, kTransposed);
  });
}

}  // namespace smelt
