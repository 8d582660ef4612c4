// smelt make: writes a program of one layer with random weights, laid out as ExecuTorch's exporter
// does it.
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "author/pte_writer.h"
#include "author/recipes.h"
#include "base/checked.h"
#include "options.h"
#include "output_files.h"
#include "platform/file.h"
#include "verbs.h"

namespace smelt::cli {
namespace {

constexpr const char* kAbout = "Write a program (.pte) of one layer with random weights";

constexpr const char* kFooter = R"(
The file is what ExecuTorch's exporter writes for the same PyTorch module, and loads wherever such files do. The same
options give the same bytes on every machine.

Variants name what is multiplied, activations first:
  pf32, pf16       float
  pqs8_qs8w        int8 with a calibrated scale; int8 weights, one scale
  pqs8_qc8w        the same; a scale per output channel
  qp8_f32_qc8w     float, quantised by rows while running; int8 weights, a scale per output channel
  qp8_f32_qb4w     the same; 4-bit weights, a scale per block of inputs
  qp8_f32_qc4w     the same; 4-bit weights, a scale per output channel
Programs take inputs in [-1, 1] and are float outside.

Examples:
  smelt make linear --variant qp8_f32_qb4w --m 33 -o linear.pte
  smelt make conv2d --variant pqs8_qc8w --in-channels 64 --out-channels 128 --padding 1 -o conv.pte
  smelt make matmul --variant pf16 --batch 8 --m 64 --n 64 --k 128 -o matmul.pte)";

/// What every kind of program has.
struct Output {
  std::filesystem::path file;
  bool force = false;
  PteOptions pte;
};

/// A kind of program: its subcommand, and what makes its graph.
struct Kind {
  CLI::App* command;
  std::function<Result<Graph>()> make;
};

void add_output(CLI::App& app, Output& out) {
  add_output_file(app, "-o,--output", out.file, "File to write")->required()->type_name("FILE");
  app.add_flag("--force", out.force, "Replace FILE if it exists");
  app.add_flag("--dynamic", out.pte.dynamic,
               "Declare shapes of inputs and outputs as upper bounds, not as fixed");
  app.add_option("--segment-alignment", out.pte.segment_alignment,
                 "Alignment of data in the file: a power of two, at least 16")
      ->type_name("BYTES")
      ->capture_default_str();
}

void add_variant(CLI::App& app, RecipeVariant& variant, std::span<const RecipeVariant> known) {
  std::vector<std::string> names = {"f32", "f16"};
  for (const RecipeVariant v : known) names.emplace_back(name(v));
  app.add_option_function<std::string>(
         "--variant", [&variant](const std::string& s) { variant = *parse_recipe_variant(s); },
         "What is multiplied: see below")
      ->check(CLI::IsMember(names))
      ->default_str(std::string(name(variant)));
}

CLI::Option* add_extent(CLI::App& app, const char* option, int64_t& value, const char* about) {
  return app.add_option(option, value, about)->type_name("N")->capture_default_str();
}

/// One number for both axes, or two: vertical, horizontal.
void add_pair(CLI::App& app, const char* option, std::array<int64_t, 2>& pair, const char* about) {
  app.add_option_function<std::vector<int64_t>>(
         option,
         [&pair](const std::vector<int64_t>& v) {
           pair = {v.front(), v.back()};
         },
         about)
      ->expected(1, 2)
      ->delimiter(',')
      ->type_name("N[,N]")
      ->default_str(std::to_string(pair[0]));
}

template <class Recipe>
void add_layer(CLI::App& app, Recipe& recipe) {
  app.add_flag_callback(
      "--no-bias", [&recipe] { recipe.bias = false; }, "Leave the bias out");
  app.add_flag("--relu", recipe.relu, "Fuse a ReLU");
  add_number(app, "--seed", recipe.seed, 0, UINT64_MAX, "Seed of the random weights")
      ->default_str(std::to_string(recipe.seed));
}

void add_image(CLI::App& app, Conv2dRecipe& recipe) {
  add_extent(app, "--batch", recipe.batch, "Images");
  add_extent(app, "--height", recipe.height, "Rows of an input image");
  add_extent(app, "--width", recipe.width, "Columns of an input image");
}

void add_window(CLI::App& app, Conv2dRecipe& recipe) {
  add_pair(app, "--kernel", recipe.kernel, "Extents of the filter");
  add_pair(app, "--stride", recipe.stride, "Steps between outputs");
  add_pair(app, "--padding", recipe.padding, "Zeros at each edge");
  add_pair(app, "--dilation", recipe.dilation, "Steps between the filter's taps");
}

Kind add_linear(CLI::App& make) {
  CLI::App* app = make.add_subcommand("linear", "y[m,n] = x[m,k] w[n,k]^T + b[n]");
  auto r = std::make_shared<LinearRecipe>();
  add_variant(*app, r->variant, linear_variants());
  add_extent(*app, "--m", r->m, "Rows of the input");
  add_extent(*app, "--n", r->n, "Outputs per row");
  add_extent(*app, "--k", r->k, "Inputs per row");
  app->add_option("--block", r->block, "qp8_f32_qb4w: weights per scale, a multiple of 32")
      ->type_name("N")
      ->capture_default_str();
  add_layer(*app, *r);
  return {app, [r] { return make_linear(*r); }};
}

Kind add_conv2d(CLI::App& make) {
  CLI::App* app = make.add_subcommand(
      "conv2d", "2-D convolution of NCHW images; with one input channel per group, depthwise");
  auto r = std::make_shared<Conv2dRecipe>();
  add_variant(*app, r->variant, conv2d_variants());
  add_image(*app, *r);
  add_extent(*app, "--in-channels", r->in_channels, "Channels of the input");
  add_extent(*app, "--out-channels", r->out_channels, "Channels of the output");
  add_extent(*app, "--groups", r->groups, "Groups of channels; divides both");
  add_window(*app, *r);
  add_layer(*app, *r);
  return {app, [r] { return make_conv2d(*r); }};
}

Kind add_depthwise(CLI::App& make) {
  CLI::App* app = make.add_subcommand("depthwise", "Depthwise 2-D convolution of NCHW images");
  struct Depthwise {
    Conv2dRecipe recipe;
    int64_t channels = 32, multiplier = 1;
  };
  auto d = std::make_shared<Depthwise>();
  d->recipe.padding = {1, 1};
  add_variant(*app, d->recipe.variant, depthwise_variants());
  add_image(*app, d->recipe);
  add_extent(*app, "--channels", d->channels, "Channels of the input");
  add_extent(*app, "--multiplier", d->multiplier, "Outputs per channel");
  add_window(*app, d->recipe);
  add_layer(*app, d->recipe);
  return {app, [d]() -> Result<Graph> {
            const auto outputs = checked_mul(d->channels, d->multiplier);
            if (!outputs || d->channels < 1 || d->multiplier < 1) {
              return fail(ErrorCode::kInvalidArgument,
                          "channels {} with multiplier {}: both have to be at least 1, and their "
                          "product in range",
                          d->channels, d->multiplier);
            }
            d->recipe.in_channels = d->recipe.groups = d->channels;
            d->recipe.out_channels = *outputs;
            return make_conv2d(d->recipe);
          }};
}

Kind add_pointwise(CLI::App& make) {
  CLI::App* app = make.add_subcommand("pointwise", "1x1 convolution of NCHW images");
  auto r = std::make_shared<Conv2dRecipe>();
  r->kernel = {1, 1};
  r->out_channels = 2;
  add_variant(*app, r->variant, conv2d_variants());
  add_image(*app, *r);
  add_extent(*app, "--in-channels", r->in_channels, "Channels of the input");
  add_extent(*app, "--out-channels", r->out_channels, "Channels of the output");
  add_pair(*app, "--stride", r->stride, "Steps between outputs");
  add_layer(*app, *r);
  return {app, [r] { return make_conv2d(*r); }};
}

Kind add_matmul(CLI::App& make) {
  CLI::App* app =
      make.add_subcommand("matmul", "y[batch,m,n] = a[batch,m,k] b[batch,k,n], of two inputs");
  auto r = std::make_shared<MatmulRecipe>();
  add_variant(*app, r->variant, matmul_variants());
  add_extent(*app, "--batch", r->batch, "Matrices");
  add_extent(*app, "--m", r->m, "Rows of a");
  add_extent(*app, "--n", r->n, "Columns of b");
  add_extent(*app, "--k", r->k, "Columns of a and rows of b");
  return {app, [r] { return make_matmul(*r); }};
}

Status write(const Kind& kind, const Output& out) {
  const IfExists if_exists = out.force ? IfExists::kReplace : IfExists::kKeep;
  SMELT_TRY(check_writable(out.file, if_exists));
  SMELT_ASSIGN(const Graph graph, kind.make());
  SMELT_ASSIGN(const std::vector<std::byte> file, write_pte(graph, out.pte));
  SMELT_TRY(write_file(out.file, {file}, if_exists));
  fmt::print("{}: {} bytes\n", out.file.string(), file.size());
  return {};
}

}  // namespace

Verb add_make(CLI::App& app) {
  CLI::App* make = app.add_subcommand("make", kAbout);
  make->require_subcommand(0, 1);
  make->footer(kFooter);
  auto out = std::make_shared<Output>();
  std::vector<Kind> kinds = {add_linear(*make), add_conv2d(*make), add_depthwise(*make),
                             add_pointwise(*make), add_matmul(*make)};
  for (const Kind& kind : kinds) {
    add_output(*kind.command, *out);
    kind.command->footer(kFooter);
  }
  make->allow_extras();  // so that a wrong kind is named together with those that exist
  return {make,
          [make, kinds = std::move(kinds), out]() -> Result<Exit> {
            for (const Kind& kind : kinds) {
              if (!kind.command->parsed()) continue;
              if (auto done = write(kind, *out); !done) {
                return prefixed(done.error(), "make " + kind.command->get_name());
              }
              return Exit::kOk;
            }
            std::string known;
            for (const Kind& kind : kinds)
              known += (known.empty() ? "" : ", ") + kind.command->get_name();
            const auto extras = make->remaining();
            if (extras.empty())
              return fail(ErrorCode::kInvalidArgument, "make: what? One of {}", known);
            return fail(ErrorCode::kInvalidArgument,
                        "make: no such kind of program: \"{}\"; one of {}", extras.front(), known);
          },
          {&out->file}};
}

}  // namespace smelt::cli
