// What a depthwise micro-kernel is, as data.
//
//   out[i][c] = f(sum over taps t of in[i][t][c] x filter[t][c])
//
// Every channel by itself, so vectors lie along channels. As for GEMM kernels, input and output pixels are reached through
// pointers, and padding points at a pixel of zeros (or zero points). There is one output channel per input channel; the
// operator repeats the input's channels where the multiplier is larger.
#pragma once

#include "kernels/gemm/gemm_kernel.h"

namespace smelt {

enum class DwconvVariant : uint8_t {
  kF32,
  kF16,  ///< float32 accumulators
  kQs8,  ///< int8 x int8, a scale per channel, -> int8, requantised like GemmVariant::kPqs8Qc8w
};
inline constexpr size_t kDwconvVariantCount = size_t(DwconvVariant::kQs8) + 1;

/// Strides in bytes. The filter is packed as the kernel's layout says: rows are channels, kc is 1.
struct DwconvBlock {
  size_t pixels, taps, channels;
  const void* const* rows;    ///< [pixels][taps] pointers to `channels` elements each
  const std::byte* filter;    ///< aligned to 64
  size_t filter_panel_stride;
  void* const* out;           ///< [pixels] pointers to `channels` elements each
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
