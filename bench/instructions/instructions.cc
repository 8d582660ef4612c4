// Runs each step of each kernel once, between two marker functions, so that a counter of executed
// instructions can tell the steps apart: bench/instructions/run. Prints one line per step, in the
// order in which they run:
//
//   <isa> <variant, or conv_<variant>> <kernel> <step> <m> <n> <k>
//
// Steps: rhs (packing the weights, [n, k] of the kernel's type; once also as rhs_f32, from float32,
// and rhs_kxn, [k, n]), lhs (packing or quantising the left side; of a depthwise convolution,
// finding the pixels' rows), matmul.
//
//   instructions [substring of kernel names]
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/dwconv/kernels.h"
#include "kernels/dwconv/rows.h"
#include "kernels/gemm/driver.h"
#include "kernels/gemm/kernels.h"
#include "kernels/gemm/variant.h"
#include "kernels/pack/pack.h"
#include "platform/memory.h"

extern "C" {
// The counter finds these by name.
volatile int smelt_steps = 0;
[[gnu::noinline]] void smelt_step_begin() { smelt_steps = smelt_steps + 1; }
[[gnu::noinline]] void smelt_step_end() { smelt_steps = smelt_steps + 1; }
}

namespace smelt {
namespace {

struct Shape {
  size_t m, n, kc;
  size_t side = 0;  ///< of the image, for a convolution of 3 x 3 with padding; 0: a matrix
  size_t taps() const { return side == 0 ? 1 : 9; }
};

constexpr Shape kShapes[] = {{1, 256, 256},   {4, 256, 256},     {33, 256, 256},   {256, 256, 256},
                             {1, 1024, 1024}, {16, 512, 512},    {49, 160, 960},   {196, 96, 576},
                             {784, 64, 24},   {256, 64, 32, 16}, {784, 32, 16, 28}};

// Memory whose every element is a small number, whatever its type.
AlignedBuffer filled(size_t bytes) {
  AlignedBuffer buffer = AlignedBuffer::allocate(bytes + 64).value();
  std::memset(buffer.data(), 0x3c, bytes);
  return buffer;
}

RowMap row_map(const Shape& s, size_t element) {
  if (s.side == 0) return MatrixRows{.lhs_stride = s.kc * element, .out_stride = 0};
  const WindowAxis axis{.count = s.side, .in_extent = s.side, .offsets = {-1, 0, 1}};
  return WindowRows{
      .y = axis, .x = axis, .in_line = s.side * s.kc * element, .in_pixel = s.kc * element};
}

template <class F>
void step(Isa isa, const std::string& variant, const char* kernel, const char* name, size_t m,
          size_t n, size_t k, F run) {
  smelt_step_begin();
  run();
  smelt_step_end();
  std::printf("%s %s %s %s %zu %zu %zu\n", std::string(smelt::name(isa)).c_str(), variant.c_str(),
              kernel, name, m, n, k);
}

template <class F>
void step(const GemmKernel& kernel, const char* name, const Shape& s, F run) {
  const std::string variant(signature(kernel.variant).name);
  step(kernel.isa, s.side == 0 ? variant : "conv_" + variant, kernel.name, name, s.m, s.n,
       s.kc * s.taps(), run);
}

void run(const GemmKernel& kernel, const Shape& s, size_t vl32) {
  const GemmSignature& types = signature(kernel.variant);
  const size_t block = types.scale == WeightScale::kPerBlock ? 32 : 0;
  const GemmShape gemm{.m = s.m, .n = s.n, .kc = s.kc, .taps = s.taps(), .block = block};
  if (s.m > kernel.max_m || (block != 0 && (s.taps() != 1 || s.kc % block != 0))) return;
  const size_t k = s.kc * s.taps(), lhs_element = layout_bits(types.lhs) / 8,
               out_element = layout_bits(types.out) / 8;

  std::vector<size_t> taps;
  for (size_t t = 0; t < s.taps(); ++t) taps.push_back(t * s.kc);
  const AlignedBuffer weights = filled(s.n * k * 4), bias = filled(s.n * 4),
                      scale = filled(s.n * 4);
  const AlignedBuffer block_scale = filled(s.n * k / 16);
  const PackSource source{
      .data = weights.data(),
      .dtype = types.rhs,
      .row_stride = k,
      .taps = taps,
      .bias = bias.data(),
      .bias_dtype = kernel.variant == GemmVariant::kPqs8Qc8w ? DType::kS32 : DType::kF32,
      .scale = reinterpret_cast<const float*>(scale.data()),
      .block_scale = reinterpret_cast<const BFloat16*>(block_scale.data())};
  const PackShape rhs_shape = smelt::rhs_shape(gemm);
  const PanelMap rhs_map = panel_map(kernel.rhs, rhs_shape, vl32);
  const size_t panels = panel_count(kernel.rhs, rhs_shape, vl32);
  AlignedBuffer rhs = filled(panels * rhs_map.stride);
  step(kernel, "rhs", s,
       [&] { kernel.pack_rhs(kernel.rhs, rhs_shape, vl32, source, 0, panels, rhs.data()); });
  if (s.m == 256 && s.side == 0) {
    PackSource other = source;
    if (types.rhs == DType::kF16 || types.rhs == DType::kBF16) {
      other.dtype = DType::kF32;
      step(kernel, "rhs_f32", s,
           [&] { kernel.pack_rhs(kernel.rhs, rhs_shape, vl32, other, 0, panels, rhs.data()); });
      other.dtype = types.rhs;
    }
    other.row_stride = 1;
    other.k_stride = s.n;
    if (types.rhs != DType::kU4)
      step(kernel, "rhs_kxn", s,
           [&] { kernel.pack_rhs(kernel.rhs, rhs_shape, vl32, other, 0, panels, rhs.data()); });
  }

  const AlignedBuffer input = filled(s.m * k * 4), zero = filled(s.kc * 4);
  AlignedBuffer output = filled(s.m * s.n * 4);
  std::vector<const void*> rows(s.m * s.taps());
  std::vector<void*> out(s.m);
  resolve_rows(row_map(s, lhs_element), 0, s.m, input.data(), zero.data(), output.data(),
               rows.data(), out.data());
  for (size_t i = 0; i < s.m; ++i) out[i] = output.data() + i * s.n * out_element;

  std::vector<RowQuant> row_quant(s.m, RowQuant{3, 0.5f});
  const PackShape lhs_shape{.rows = s.m, .kc = s.kc, .taps = s.taps()};
  const bool packed = kernel.lhs_form == LhsForm::kPacked;
  AlignedBuffer lhs = filled(packed ? packed_bytes(kernel.lhs, lhs_shape, vl32).value() : 0);
  // Dynamic rows begin as floats. (Those of a convolution share one RowQuant per image, which is
  // found elsewhere.)
  if (kernel.quantize_lhs != nullptr && s.taps() == 1) {
    lhs = filled(s.m * k + packed_bytes(kernel.lhs, lhs_shape, vl32).value_or(0));
    std::vector<const void*> floats(s.m);
    for (size_t i = 0; i < s.m; ++i) floats[i] = input.data() + i * k * 4;
    step(kernel, "lhs", s, [&] {
      kernel.quantize_lhs(kernel.lhs, vl32, s.m, k, floats.data(), row_quant.data(), lhs.data());
    });
    if (!packed) rows[0] = lhs.data();
  } else if (packed)
    step(kernel, "lhs", s,
         [&] { kernel.pack_lhs(kernel.lhs, vl32, s.m, s.taps(), s.kc, rows.data(), lhs.data()); });

  const GemmBlock g{.m = s.m,
                    .n = s.n,
                    .taps = s.taps(),
                    .kc = s.kc,
                    .rows = rows.data(),
                    .lhs = lhs.data(),
                    .lhs_panel_stride = packed ? panel_map(kernel.lhs, lhs_shape, vl32).stride : 0,
                    .row_quant = row_quant.data(),
                    .row_quant_stride = 1,
                    .rhs = rhs.data(),
                    .rhs_panel_stride = rhs_map.stride,
                    .quant_block = block,
                    .out = out.data(),
                    .stage = {-100, 100, 3}};
  step(kernel, "matmul", s, [&] { kernel.run(g); });
}

// A depthwise convolution of 3 x 3, with padding, on a square image.
void run(const DwconvKernel& kernel, size_t side, size_t channels, size_t vl32) {
  const size_t taps = 9, pixels = side * side, element = layout_bits(kernel.filter.elem) / 8;
  const std::string variant = "dwconv_" + std::string(name(kernel.variant));
  const auto measure = [&](const char* name, auto f) {
    step(kernel.isa, variant, kernel.name, name, pixels, channels, taps, f);
  };
  std::vector<size_t> offsets;
  for (size_t t = 0; t < taps; ++t) offsets.push_back(t * channels);
  const AlignedBuffer weights = filled(taps * channels * 4), bias = filled(channels * 4),
                      scale = filled(channels * 4);
  const PackSource source{
      .data = weights.data(),
      .dtype = kernel.filter.elem,
      .row_stride = 1,
      .taps = offsets,
      .bias = bias.data(),
      .bias_dtype = kernel.variant == DwconvVariant::kQs8 ? DType::kS32 : DType::kF32,
      .scale = reinterpret_cast<const float*>(scale.data())};
  const PackShape shape{.rows = channels, .kc = 1, .taps = taps};
  AlignedBuffer filter = filled(packed_bytes(kernel.filter, shape, vl32).value());
  measure("rhs", [&] { pack(kernel.filter, shape, vl32, source, filter.data()); });

  const size_t pixel = channels * element;
  const AlignedBuffer in = filled(pixels * pixel), zero = filled(pixel);
  AlignedBuffer output = filled(pixels * pixel);
  const WindowAxis axis{.count = side, .in_extent = side, .offsets = {-1, 0, 1}};
  const WindowRows window{.y = axis,
                          .x = axis,
                          .in_line = side * pixel,
                          .in_pixel = pixel,
                          .out_line = side * pixel,
                          .out_pixel = pixel};
  const TapPointers pointers = tap_pointers(window, side, side);
  std::vector<const void*> rows(pointers.count());
  std::vector<void*> out(pixels);
  measure("lhs", [&] {
    resolve_tap_pointers(window, {0, 0, side, side}, in.data(), zero.data(), output.data(),
                         rows.data(), out.data());
  });
  const DwconvBlock d{.lines = side,
                      .pixels = side,
                      .height = 3,
                      .width = 3,
                      .channels = channels,
                      .rows = rows.data(),
                      .line_step = pointers.line_step,
                      .tap_step = pointers.tap_step,
                      .pixel_step = pointers.pixel_step,
                      .filter = filter.data(),
                      .filter_panel_stride = panel_map(kernel.filter, shape, vl32).stride,
                      .out = out.data(),
                      .stage = {-100, 100, 3}};
  measure("matmul", [&] { kernel.run(d); });
}

}  // namespace
}  // namespace smelt

int main(int argc, char** argv) {
  const auto cpu = smelt::Cpu::detect();
  if (!cpu) {
    std::fprintf(stderr, "%s\n", cpu.error().message.c_str());
    return 1;
  }
  const std::string_view filter = argc > 1 ? argv[1] : "";
  const auto wanted = [&](const auto& kernel) {
    return cpu->isa.has(kernel.isa) &&
           std::string_view(kernel.name).find(filter) != std::string_view::npos;
  };
  for (const smelt::GemmKernel* kernel : smelt::gemm_kernels())
    if (wanted(*kernel))
      for (const smelt::Shape& shape : smelt::kShapes) smelt::run(*kernel, shape, cpu->sme_vl32);
  for (const smelt::DwconvKernel* kernel : smelt::dwconv_kernels())
    if (wanted(*kernel))
      for (const auto& [side, channels] :
           {std::pair(size_t(16), size_t(32)), std::pair(size_t(56), size_t(64))})
        smelt::run(*kernel, side, channels, cpu->sme_vl32);
}
