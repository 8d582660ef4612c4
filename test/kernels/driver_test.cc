// The driver with kernels that no ISA would want: odd tiles, packed left sides, layouts in vector
// lengths. And windows, against their definition.
#include <gtest/gtest.h>

#include "gemm_problem.h"
#include "kernels/gemm/driver.h"
#include "platform/memory.h"

namespace smelt {
namespace {

constexpr size_t kVl32 = 3;  // no machine has it

float element(const std::byte* panel, const PanelMap& map, size_t kr, size_t row, size_t run,
              size_t k) {
  float v;
  std::memcpy(&v, panel + map.group(run * map.run_groups + k / kr) + (row * kr + k % kr) * sizeof v,
              sizeof v);
  return v;
}

// Reads both sides as their layouts say, one product at a time.
template <const GemmKernel& kSelf>
void run_slowly(const GemmBlock& g) {
  const bool packed = kSelf.lhs_form == LhsForm::kPacked;
  const PanelMap rhs = panel_map(kSelf.rhs, {.rows = g.n, .kc = g.kc, .taps = g.taps}, kVl32);
  const PanelMap lhs = panel_map(kSelf.lhs, {.rows = g.m, .kc = g.kc, .taps = g.taps}, kVl32);
  for (size_t i = 0; i < g.m; ++i) {
    for (size_t j = 0; j < g.n; ++j) {
      const std::byte* panel = g.rhs + j / rhs.rows * g.rhs_panel_stride;
      float sum;
      std::memcpy(&sum, panel + field_offset(kSelf.rhs, rhs, kBias) + j % rhs.rows * 4, sizeof sum);
      for (size_t t = 0; t < g.taps; ++t) {
        for (size_t c = 0; c < g.kc; ++c) {
          const size_t run = kSelf.rhs.join_taps ? 0 : t,
                       k = kSelf.rhs.join_taps ? t * g.kc + c : c;
          const size_t lhs_run = kSelf.lhs.join_taps ? 0 : t,
                       lhs_k = kSelf.lhs.join_taps ? t * g.kc + c : c;
          const float a = packed ? element(g.lhs + i / lhs.rows * g.lhs_panel_stride, lhs,
                                           kSelf.lhs.kr, i % lhs.rows, lhs_run, lhs_k)
                                 : static_cast<const float*>(g.rows[i * g.taps + t])[c];
          sum += a * element(panel, rhs, kSelf.rhs.kr, j % rhs.rows, run, k);
        }
      }
      static_cast<float*>(g.out[i])[j] = std::min(std::max(sum, g.stage.min), g.stage.max);
    }
  }
}

extern const GemmKernel kOddRows, kOddPacked, kJoined;
constexpr GemmKernel kOddRows{.name = "odd_rows",
                              .isa = Isa::kScalar,
                              .variant = GemmVariant::kPf32,
                              .mr = {3},
                              .nr = {5},
                              .rhs = {.rows = {5}, .kr = 3, .tail = kBias},
                              .run = run_slowly<kOddRows>};
constexpr GemmKernel kOddPacked{.name = "odd_packed",
                                .isa = Isa::kScalar,
                                .variant = GemmVariant::kPf32,
                                .mr = {1, true},
                                .nr = {2, true},
                                .lhs_form = LhsForm::kPacked,
                                .lhs = {.rows = {1, true}, .kr = 2},
                                .rhs = {.rows = {2, true}, .kr = 2, .head = kBias},
                                .run = run_slowly<kOddPacked>};
constexpr GemmKernel kJoined{.name = "joined",
                             .isa = Isa::kScalar,
                             .variant = GemmVariant::kPf32,
                             .mr = {5},
                             .nr = {1, true},
                             .lhs_form = LhsForm::kPacked,
                             .lhs = {.rows = {5}, .kr = 4, .join_taps = true},
                             .rhs = {.rows = {1, true}, .kr = 4, .head = kBias, .join_taps = true},
                             .run = run_slowly<kJoined>};

class DriverTest : public testing::TestWithParam<const GemmKernel*> {};

Cpu cpu() {
  Cpu cpu;
  cpu.sme_vl32 = kVl32;
  return cpu;
}

// Blocks of every kind, on one worker and on several; each must land in its place.
TEST_P(DriverTest, Blocks) {
  const GemmKernel& kernel = *GetParam();
  const size_t m = 23, n = 31, gap = 2;
  const GemmProblem problem(kernel.variant, {.m = m, .n = n, .kc = 13}, Values::kRandom, 1);
  const auto rhs = problem.packed(kernel.rhs, kernel.pack_rhs, cpu());
  const auto truth = problem.truth();
  const MatrixRows rows{.lhs_stride = problem.lhs_row_bytes(),
                        .out_stride = (n + gap) * problem.out_bytes()};
  for (unsigned workers : {1u, 4u}) {
    const auto pool = ThreadPool::create(workers);
    for (size_t block_m : {1, 4, 7, 40}) {
      for (size_t panels : {1, 2, 20}) {
        auto plan = plan_gemm(kernel, problem.shape(), rows, {GemmItem{}}, 1, cpu(), workers);
        ASSERT_TRUE(plan) << plan.error().message;
        plan->block_m = block_m;
        plan->block_n = panels * kernel.nr.at(kVl32);
        plan->max_workers = workers;
        plan->worker_bytes = worker_scratch_bytes(*plan).value();
        auto scratch = AlignedBuffer::allocate(plan->worker_bytes * workers);
        const auto out = problem.output(gap);
        run_gemm(*plan,
                 {.lhs = problem.lhs(),
                  .rhs = rhs->data(),
                  .out = out->data(),
                  .stage = problem.stage()},
                 *pool, scratch->bytes());
        EXPECT_EQ(problem.compare(out->data(), gap, truth), "")
            << block_m << " rows, " << panels << " panels";
      }
    }
  }
}

// A window over a line of pixels with padding at both ends: taps 0 and 1 of output x are pixels 2x
// - 1 and 2x + 1.
TEST_P(DriverTest, Window) {
  const GemmKernel& kernel = *GetParam();
  constexpr size_t kPixels = 6, kc = 3, n = 4, kOut = 4;
  float in[kPixels * kc], filter[n * 2 * kc], zero[kc] = {}, bias[n] = {1, 2, 3, 4};
  for (size_t i = 0; i < std::size(in); ++i) in[i] = float(i % 7) - 3;
  for (size_t i = 0; i < std::size(filter); ++i) filter[i] = float(i % 5) - 2;
  const GemmShape shape{.m = kOut, .n = n, .kc = kc, .taps = 2};
  const size_t taps[] = {0, kc};
  std::vector<std::byte> packed(packed_bytes(kernel.rhs, rhs_shape(shape), kVl32).value());
  pack(kernel.rhs, rhs_shape(shape), kVl32,
       {.data = reinterpret_cast<std::byte*>(filter),
        .row_stride = 2 * kc,
        .taps = taps,
        .bias = reinterpret_cast<std::byte*>(bias)},
       packed.data());
  // Every second pixel of the output, from the second on.
  float out[2 * kOut * n + n];
  std::fill(std::begin(out), std::end(out), 99.0f);
  const WindowRows rows{.y = {.count = 1, .in_extent = 1, .offsets = {0}},
                        .x = {.count = kOut,
                              .in_extent = kPixels,
                              .in_step = 2,
                              .offsets = {-1, 1},
                              .out_first = 1,
                              .out_step = 2},
                        .in_line = sizeof in,
                        .in_pixel = kc * sizeof(float),
                        .out_line = sizeof out,
                        .out_pixel = n * sizeof(float)};
  auto plan = plan_gemm(kernel, shape, rows, {GemmItem{}}, 0, cpu(), 1);
  ASSERT_TRUE(plan);
  auto scratch = AlignedBuffer::allocate(plan->scratch_bytes);
  const auto pool = ThreadPool::create(1);
  run_gemm(*plan,
           {.lhs = reinterpret_cast<std::byte*>(in),
            .rhs = packed.data(),
            .zero = reinterpret_cast<std::byte*>(zero),
            .out = reinterpret_cast<std::byte*>(out),
            .stage = {-1000, 1000, 0}},
           *pool, scratch->bytes());
  for (size_t x = 0; x < kOut; ++x) {
    for (size_t j = 0; j < n; ++j) {
      EXPECT_EQ(out[2 * x * n + j], 99) << "between outputs";
      float want = bias[j];
      for (size_t t = 0; t < 2; ++t) {
        const ptrdiff_t pixel = ptrdiff_t(2 * x + 2 * t) - 1;
        if (pixel < 0 || pixel >= ptrdiff_t(kPixels)) continue;
        for (size_t c = 0; c < kc; ++c)
          want += in[size_t(pixel) * kc + c] * filter[(j * 2 + t) * kc + c];
      }
      EXPECT_EQ(out[(2 * x + 1) * n + j], want) << "output " << x << ", channel " << j;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, DriverTest, testing::Values(&kOddRows, &kOddPacked, &kJoined),
                         [](const auto& info) { return std::string(info.param->name); });

TEST(Driver, SizesThatOverflow) {
  const size_t huge = ~size_t(0) / 2;
  for (const GemmShape& shape :
       {GemmShape{.m = huge, .n = 1, .kc = 8}, GemmShape{.m = 8, .n = 1, .kc = huge},
        GemmShape{.m = 8, .n = huge, .kc = 1}, GemmShape{.m = 8, .n = 1, .kc = 0, .taps = huge}})
    EXPECT_FALSE(plan_gemm(kOddPacked, shape, MatrixRows{}, {GemmItem{}}, 0, cpu(), 2));
}

}  // namespace
}  // namespace smelt
