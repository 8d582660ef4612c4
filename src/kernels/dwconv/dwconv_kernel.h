// What a depthwise micro-kernel is, as data.
//
//   out[i][c] = f(sum over taps t of in[i][t][c] x filter[t][c])
//
// Every channel by itself, so vectors lie along channels. As for GEMM kernels, input and output pixels are reached through
// pointers, and padding points at a pixel of zeros (or zero points). There is one output channel per input channel; the
// operator repeats the input's channels where the multiplier is larger.
//
// Neighbouring pixels share pointers: those of a filter of 3 x 3 that moves by one are a pointer per input pixel,
//
//   [ 00 01 02 03 … ]     of which pixel (0, 0) of the output uses   00 01 02     and pixel (0, 1)   01 02 03
//   [ 10 11 12 13 … ]                                                10 11 12                        11 12 13
//   [ 20 21 22 23 … ]                                                20 21 22                        21 22 23
#pragma once

#include "kernels/gemm/gemm_kernel.h"

namespace smelt {

enum class DwconvVariant : uint8_t {
  kF32,
  kF16,  ///< float32 accumulators
  kQs8,  ///< int8 x int8, a scale per channel, -> int8, requantised like GemmVariant::kPqs8Qc8w
};
inline constexpr size_t kDwconvVariantCount = size_t(DwconvVariant::kQs8) + 1;

/// Lines of output pixels. The filter is packed as the kernel's layout says: rows are channels, kc is 1, taps line by line.
struct DwconvBlock {
  size_t lines, pixels;         ///< `pixels` in each line
  size_t height, width;         ///< of the filter
  size_t channels;
  /// Tap (y, x) of pixel i of line l: rows[l * line_step + y * tap_step + i * pixel_step + x], `channels` elements.
  const void* const* rows;
  size_t line_step, tap_step, pixel_step;
  const std::byte* filter;      ///< aligned to 64
  size_t filter_panel_stride;   ///< in bytes
  void* const* out;             ///< [lines][pixels] pointers to `channels` elements each
  OutputStage stage;
};

struct DwconvKernel {
  const char* name;           ///< "dwconv_f32_avx2_4x16": pixels x channels of a tile
  Isa isa;
  DwconvVariant variant;
  PackLayout filter;
  void (*run)(const DwconvBlock&);  ///< any pixels, taps, channels; never allocates, never fails; any thread
};

}  // namespace smelt
