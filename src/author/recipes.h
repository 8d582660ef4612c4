// Graphs of one layer, as the exporter would have made them of a PyTorch module with random
// weights.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/status.h"
#include "graph/graph.h"

namespace smelt {

/// What a layer multiplies: activations, weights.
enum class RecipeVariant : uint8_t {
  kF32,
  kF16,
  kPqs8Qs8w,    ///< int8 with a calibrated scale; int8, one scale
  kPqs8Qc8w,    ///< int8 with a calibrated scale; int8, a scale per output channel
  kQp8F32Qc8w,  ///< float, quantised by rows while running; int8, a scale per output channel
  kQp8F32Qb4w,  ///< the same; nibbles, a scale per block of inputs
  kQp8F32Qc4w,  ///< the same; nibbles, a scale per output channel
};

/// "pf32", "pf16", "pqs8_qs8w", "pqs8_qc8w", "qp8_f32_qc8w", "qp8_f32_qb4w", "qp8_f32_qc4w".
std::string_view name(RecipeVariant);
/// The inverse of name(); also takes "f32" and "f16".
std::optional<RecipeVariant> parse_recipe_variant(std::string_view);

/// The variants that each recipe takes.
std::span<const RecipeVariant> linear_variants();
std::span<const RecipeVariant> conv2d_variants();
std::span<const RecipeVariant> depthwise_variants();
std::span<const RecipeVariant> matmul_variants();

/// y[m, n] = x[m, k] w[n, k]^T + b[n]
struct LinearRecipe {
  RecipeVariant variant = RecipeVariant::kF32;
  int64_t m = 1, n = 256, k = 256;
  uint32_t block = 32;  ///< kQp8F32Qb4w: inputs per scale
  bool bias = true;
  bool relu = false;
  uint64_t seed = 0;
};

/// A 2-D convolution, NCHW outside and NHWC inside. Depthwise where each group has one input
/// channel, as for the exporter. Pairs are vertical, horizontal.
struct Conv2dRecipe {
  RecipeVariant variant = RecipeVariant::kF32;
  int64_t batch = 1, in_channels = 3, out_channels = 6, groups = 1;
  int64_t height = 16, width = 16;
  std::array<int64_t, 2> kernel{3, 3}, stride{1, 1}, padding{0, 0}, dilation{1, 1};
  bool bias = true;
  bool relu = false;
  uint64_t seed = 0;
};

/// y[batch, m, n] = a[batch, m, k] b[batch, k, n], of two inputs.
struct MatmulRecipe {
  RecipeVariant variant = RecipeVariant::kF32;
  int64_t batch = 1, m = 256, n = 256, k = 256;
};

// Errors are kInvalidArgument and name the field and its value. The same recipe gives the same
// graph on every machine. Inputs are meant to be in [-1, 1]: calibrated scales fit that.

Result<Graph> make_linear(const LinearRecipe&);
Result<Graph> make_conv2d(const Conv2dRecipe&);
Result<Graph> make_matmul(const MatmulRecipe&);

}  // namespace smelt
