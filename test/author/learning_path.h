// Recipes of the 25 programs of Arm's micro-kernel study, by the names that the corpus gives them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "author/recipes.h"

namespace smelt {

struct LearningPathProgram {
  std::string name;
  std::function<Result<Graph>()> make;
};

inline std::vector<LearningPathProgram> learning_path() {
  using enum RecipeVariant;
  std::vector<LearningPathProgram> all;
  const auto linear = [&](std::string prefix, int64_t m) {
    for (const RecipeVariant v : {kF32, kF16, kPqs8Qc8w, kQp8F32Qc8w, kQp8F32Qb4w}) {
      LinearRecipe r;
      r.variant = v;
      r.m = m;
      all.push_back({prefix + std::string(name(v)) + "_gemm", [r] { return make_linear(r); }});
    }
  };
  linear("linear_model_", 1);
  linear("linear_m4_", 4);
  linear("linear_m33_", 33);

  const auto conv = [&](std::string name, RecipeVariant v, auto change) {
    Conv2dRecipe r;
    r.variant = v;
    change(r);
    all.push_back({std::move(name), [r] { return make_conv2d(r); }});
  };
  const auto as_is = [](Conv2dRecipe&) {};
  conv("conv2d_f32", kF32, as_is);
  conv("conv2d_f16", kF16, as_is);
  conv("qint8_conv2d_pqs8_qc8w_gemm", kPqs8Qs8w, as_is);
  conv("qint8_conv2d_per_channel", kPqs8Qc8w, as_is);
  conv("pointwise_conv2d_pf32_gemm", kF32, [](Conv2dRecipe& r) {
    r.kernel = {1, 1};
    r.out_channels = 2;
  });
  const auto depthwise = [](Conv2dRecipe& r) {
    r.in_channels = r.out_channels = r.groups = 32;
    r.padding = {1, 1};
  };
  conv("dwconv2d_f32", kF32, depthwise);
  conv("dwconv2d_f16", kF16, depthwise);
  conv("dwconv2d_qc8w", kPqs8Qc8w, depthwise);

  for (const RecipeVariant v : {kF32, kF16}) {
    MatmulRecipe r;
    r.variant = v;
    all.push_back({"matrix_mul_" + std::string(name(v)) + "_gemm", [r] { return make_matmul(r); }});
  }
  return all;
}

}  // namespace smelt
