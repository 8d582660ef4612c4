// Every kernel of kernels.inc against the reference, directly and through the driver.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string_view>

#include <gtest/gtest.h>

#include "abi_canary.h"
#include "base/checked.h"
#include "gemm_problem.h"
#include "kernel_log.h"
#include "kernels/gemm/kernels.h"
#include "kernels/gemm/variant.h"
#include "platform/denormals.h"
#include "platform/memory.h"

namespace smelt {
namespace {

class GemmKernelTest : public testing::TestWithParam<const GemmKernel*> {
 protected:
  void SetUp() override {
    if (!test_cpu().isa.has(kernel().isa))
      GTEST_SKIP() << name(kernel().isa) << " is not available here";
    log_kernel_run(kernel().name, kernel().isa);
  }

  static const GemmKernel& kernel() { return *GetParam(); }
  static size_t mr() { return kernel().mr.at(test_cpu().sme_vl32); }
  static size_t nr() { return kernel().nr.at(test_cpu().sme_vl32); }

  static std::set<size_t> edges(size_t tile, size_t limit) {
    std::set<size_t> out;
    for (size_t v : {size_t(1), tile - 1, tile, tile + 1, 2 * tile + 1})
      if (v != 0 && v <= limit) out.insert(v);
    return out;
  }
  static std::vector<size_t> ks() {
    const size_t kr = kernel().rhs.kr;
    if (signature(kernel().variant).scale == WeightScale::kPerBlock) return {32, 96};
    std::vector<size_t> out = {1, 3, 16, 37};
    if (kr > 1) out.insert(out.end(), {kr - 1u, kr + 1u, 4u * kr + 1});
    return out;
  }
  static GemmShape shape(size_t m, size_t n, size_t kc, size_t taps = 1) {
    const bool blocks = signature(kernel().variant).scale == WeightScale::kPerBlock;
    return {.m = m, .n = n, .kc = kc, .taps = taps, .block = blocks ? size_t(32) : 0};
  }

  // The rows of a problem in the kernel's prepared form: each tap in guarded memory of its own,
  // with all that may be read of it and nothing more; what follows the tap's elements must not
  // matter.
  struct Prepared {
    std::vector<std::unique_ptr<Guarded<std::byte>>> taps;
    std::vector<const void*> rows;
  };
  static Prepared prepare(const GemmProblem& problem) {
    const PreparedForm& form = kernel().prepared;
    const size_t kc = problem.shape().kc;
    std::vector<std::byte> converted(kc * form.bytes + 64);
    Prepared out;
    for (const void* tap : problem.rows()) {
      form.convert(static_cast<const std::byte*>(tap), converted.data(), kc);
      auto memory =
          std::make_unique<Guarded<std::byte>>(round_up(kc, size_t(kernel().rhs.kr)) * form.bytes);
      std::memset(memory->data(), 0x5a, memory->size());
      std::memcpy(memory->data(), converted.data(), kc * form.bytes);
      out.rows.push_back(memory->data());
      out.taps.push_back(std::move(memory));
    }
    return out;
  }

  // One call of the kernel on the whole product, and one with prepared rows if it takes them.
  static std::string run(const GemmShape& shape, Values values, uint64_t seed) {
    const GemmProblem problem(kernel().variant, shape, values, seed);
    const size_t vl32 = test_cpu().sme_vl32, gap = 3;
    const auto rhs = problem.packed(kernel().rhs, kernel().pack_rhs, test_cpu());
    const auto out = problem.output(gap);
    std::vector<void*> out_rows;
    for (size_t i = 0; i < shape.m; ++i)
      out_rows.push_back(out->data() + i * (shape.n + gap) * problem.out_bytes());
    const bool packed = kernel().lhs_form == LhsForm::kPacked;
    const PackShape lhs_shape{.rows = shape.m, .kc = shape.kc, .taps = shape.taps};
    Guarded<std::byte> lhs(packed ? packed_bytes(kernel().lhs, lhs_shape, vl32).value() : 0);
    const auto pack = [&] {
      kernel().pack_lhs(kernel().lhs, vl32, shape.m, shape.taps, shape.kc, problem.rows().data(),
                        lhs.data());
    };
    if (packed)
      if (std::string changed = call_with_canaries(pack); !changed.empty()) return changed;
    const GemmBlock block{
        .m = shape.m,
        .n = shape.n,
        .taps = shape.taps,
        .kc = shape.kc,
        .rows = problem.rows().data(),
        .lhs = lhs.data(),
        .lhs_panel_stride = packed ? panel_map(kernel().lhs, lhs_shape, vl32).stride : 0,
        .row_quant = problem.row_quant(),
        .row_quant_stride = 1,
        .rhs = rhs->data(),
        .rhs_panel_stride = panel_map(kernel().rhs, rhs_shape(shape), vl32).stride,
        .quant_block = shape.block,
        .out = out_rows.data(),
        .stage = problem.stage()};
    if (std::string changed = call_with_canaries([&] { kernel().run(block); }); !changed.empty())
      return changed;
    const auto truth = problem.truth();
    std::string error = problem.compare(out->data(), gap, truth);
    // The same once more while the caller's ZA is alive.
    if (kernel().isa == Isa::kSme || kernel().isa == Isa::kSme2) {
      if (error.empty()) error = call_with_live_za([&] { kernel().run(block); });
      if (error.empty() && packed) error = call_with_live_za(pack);
      if (error.empty()) error = problem.compare(out->data(), gap, truth);
    }
    if (!error.empty() || kernel().prepared.run == nullptr) return error;
    const Prepared prepared = prepare(problem);
    GemmBlock second = block;
    second.rows = prepared.rows.data();
    const auto again = problem.output(gap);
    for (size_t i = 0; i < shape.m; ++i)
      out_rows[i] = again->data() + i * (shape.n + gap) * problem.out_bytes();
    if (std::string changed = call_with_canaries([&] { kernel().prepared.run(second); });
        !changed.empty())
      return changed;
    error = problem.compare(again->data(), gap, truth);
    return error.empty() ? error : "prepared rows: " + error;
  }
};

TEST_P(GemmKernelTest, TileEdges) {
  uint64_t seed = 0;
  for (size_t k : ks()) {
    for (size_t m : edges(mr(), kernel().max_m))
      EXPECT_EQ(run(shape(m, nr() + 1, k), Values::kRandom, ++seed), "")
          << m << " x " << nr() + 1 << " x " << k;
    for (size_t n : edges(nr(), ~size_t(0))) {
      const size_t m = std::min(mr() + 1, kernel().max_m);
      EXPECT_EQ(run(shape(m, n, k), Values::kRandom, ++seed), "") << m << " x " << n << " x " << k;
    }
  }
}

class GemmBlocksTest : public GemmKernelTest {};

// Scales that change less often than every 32 k, for every height of a vector kernel's tiles.
TEST_P(GemmBlocksTest, Blocks) {
  uint64_t seed = 500;
  for (size_t block : {64, 96, 128}) {
    for (size_t m = 1; m <= std::min({mr(), kernel().max_m, size_t(12)}); ++m) {
      GemmShape s = shape(m, nr() + 1, 2 * block);
      s.block = block;
      EXPECT_EQ(run(s, Values::kRandom, ++seed), "") << m << " rows, blocks of " << block;
    }
  }
}

TEST_P(GemmKernelTest, ExtremeValues) {
  uint64_t seed = 100;
  for (size_t k : {32, 160})
    for (int repeat = 0; repeat < 2; ++repeat)
      EXPECT_EQ(
          run(shape(std::min(mr() + 1, kernel().max_m), nr() + 1, k), Values::kExtreme, ++seed), "")
          << k;
}

// NaN in a row, or for its scale, is NaN in all of its outputs, bounds or not, and nowhere else.
TEST_P(GemmKernelTest, KeepsNan) {
  for (uint64_t seed : {300, 301})
    for (size_t m : edges(mr(), kernel().max_m))
      EXPECT_EQ(run(shape(m, nr() + 1, ks().back()), Values::kNan, seed), "") << m;
}

// Programs run with denormal floats as zeros. Halves that small are ordinary numbers all the same.
TEST_P(GemmKernelTest, KeepsDenormalHalves) {
  // VCVTPH2PS does not look at MXCSR's switches for denormals (Intel's SDM); the emulator's does.
  const char* tier = std::getenv("SMELT_TIER");
  if (tier != nullptr && std::string_view(tier) == "haswell" && kernel().isa == Isa::kAvx2)
    GTEST_SKIP() << "the emulator takes denormal halves for zeros; this runs on processors only";
  const FlushDenormals flush;
  for (const Values small : {Values::kSmallLhs, Values::kSmallRhs})
    for (size_t m : edges(mr(), kernel().max_m))
      EXPECT_EQ(run(shape(m, nr() + 1, ks().back()), small, 310), "") << m;
}

// The packers that a kernel names write the same bytes as those that serve every layout.
TEST_P(GemmKernelTest, Packers) {
  const size_t vl32 = test_cpu().sme_vl32;
  const bool blocks = signature(kernel().variant).scale == WeightScale::kPerBlock;
  uint64_t seed = 400;
  for (size_t taps : {1, 3}) {
    for (size_t kc : {32, 96, 3, 37, 1}) {
      if (blocks && (taps != 1 || kc % 32 != 0)) continue;
      const GemmShape s = shape(2 * mr() - 1, 2 * nr() - 1, kc, taps);
      const GemmProblem problem(kernel().variant, s, Values::kRandom, ++seed);
      const auto rhs = problem.packed(kernel().rhs, kernel().pack_rhs, test_cpu());
      const auto want = problem.packed(kernel().rhs, pack_panels, test_cpu());
      EXPECT_EQ(std::memcmp(rhs->data(), want->data(), want->size()), 0)
          << "weights, " << taps << " taps of " << kc;
      if (kernel().lhs_form != LhsForm::kPacked) continue;
      const size_t bytes =
          packed_bytes(kernel().lhs, {.rows = s.m, .kc = kc, .taps = taps}, vl32).value();
      Guarded<std::byte> lhs(bytes), want_lhs(bytes);
      EXPECT_EQ(call_in_every_state([&] {
                  kernel().pack_lhs(kernel().lhs, vl32, s.m, taps, kc, problem.rows().data(),
                                    lhs.data());
                }),
                "");
      pack_lhs(kernel().lhs, vl32, s.m, taps, kc, problem.rows().data(), want_lhs.data());
      EXPECT_EQ(std::memcmp(lhs.data(), want_lhs.data(), bytes), 0)
          << "left side, " << taps << " taps of " << kc;
    }
  }
}

// Floats quantised by a kernel's own packer: the integers of the formula, packed as pack_lhs()
// packs them.
TEST_P(GemmKernelTest, QuantizeLhs) {
  if (kernel().quantize_lhs == nullptr) return;
  const size_t vl32 = test_cpu().sme_vl32, m = 2 * mr() - 1;
  const bool packed = kernel().lhs_form == LhsForm::kPacked;
  Random random(500);
  for (size_t k : {1, 3, 32, 37, 64, 200, 1100}) {
    Guarded<float> x(m * k);
    Guarded<int8_t> q(m * k);
    std::vector<const void*> floats, integers;
    std::vector<RowQuant> want(m), got(m);
    for (size_t i = 0; i < m; ++i) {
      // All positive, all negative, both, and nothing but zeros.
      const float low = i % 4 == 0   ? 0.25f
                        : i % 4 == 3 ? 0
                                     : -2,
                  high = i % 4 == 1   ? -1
                         : i % 4 == 3 ? 0
                                      : 3;
      float lo = 0, hi = 0;
      for (size_t j = 0; j < k; ++j) {
        const float v = random.real(low, high);
        x[i * k + j] = v;
        lo = std::min(lo, v), hi = std::max(hi, v);
      }
      const float inverse = lo == hi ? 1 : 255 / (hi - lo);
      const float below = -128 + lo * inverse, above = 127 + hi * inverse;
      const float zero = below + above > 0 ? -128 - lo * inverse : 127 - hi * inverse;
      want[i] = {int32_t(std::nearbyint(std::clamp(zero, -128.0f, 127.0f))), 1 / inverse};
      for (size_t j = 0; j < k; ++j)
        q[i * k + j] = int8_t(std::clamp(
            std::nearbyint(x[i * k + j] * inverse) + float(want[i].zero), -128.0f, 127.0f));
      floats.push_back(x.data() + i * k);
      integers.push_back(q.data() + i * k);
    }
    const size_t bytes =
        packed ? packed_bytes(kernel().lhs, {.rows = m, .kc = k}, vl32).value() : m * k;
    Guarded<std::byte> out(bytes), want_out(bytes);
    EXPECT_EQ(call_in_every_state([&] {
                kernel().quantize_lhs(kernel().lhs, vl32, m, k, floats.data(), got.data(),
                                      out.data());
              }),
              "");
    if (packed)
      pack_lhs(kernel().lhs, vl32, m, 1, k, integers.data(), want_out.data());
    else
      std::memcpy(want_out.data(), q.data(), bytes);
    EXPECT_EQ(std::memcmp(out.data(), want_out.data(), bytes), 0) << k;
    for (size_t i = 0; i < m; ++i) {
      EXPECT_EQ(got[i].zero, want[i].zero) << i;
      EXPECT_EQ(got[i].scale, want[i].scale) << i;
    }
  }
}

// NaN or an infinity, wherever it is: no scale for that row, and nothing else for the others.
TEST_P(GemmKernelTest, QuantizeLhsThatIsNotFinite) {
  if (kernel().quantize_lhs == nullptr) return;
  const size_t vl32 = test_cpu().sme_vl32, m = std::min<size_t>(3, 2 * mr() - 1), bad = m / 2;
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Random random(600);
  for (size_t k : {1, 3, 37, 70}) {
    Guarded<float> x(m * k);
    for (float& v : x) v = random.real(-2, 3);
    std::vector<const void*> floats;
    for (size_t i = 0; i < m; ++i) floats.push_back(x.data() + i * k);
    const size_t bytes = kernel().lhs_form == LhsForm::kPacked
                             ? packed_bytes(kernel().lhs, {.rows = m, .kc = k}, vl32).value()
                             : m * k;
    Guarded<std::byte> out(bytes);
    std::vector<RowQuant> want(m), got(m);
    const auto quantize = [&](std::vector<RowQuant>& found) {
      kernel().quantize_lhs(kernel().lhs, vl32, m, k, floats.data(), found.data(), out.data());
    };
    quantize(want);
    for (float value : {kNan, -kNan, kInfinity, -kInfinity}) {
      for (size_t at = 0; at < k; ++at) {
        const float finite = std::exchange(x[bad * k + at], value);
        quantize(got);
        x[bad * k + at] = finite;
        for (size_t i = 0; i < m; ++i) {
          if (i == bad) {
            ASSERT_TRUE(std::isnan(got[i].scale)) << value << " at " << at << " of " << k;
            ASSERT_TRUE(got[i].zero >= -128 && got[i].zero <= 127) << got[i].zero;
          } else {
            ASSERT_EQ(got[i].scale, want[i].scale) << i;
            ASSERT_EQ(got[i].zero, want[i].zero) << i;
          }
        }
      }
    }
  }
}

class GemmTapsTest : public GemmKernelTest {};

TEST_P(GemmTapsTest, Taps) {
  uint64_t seed = 200;
  for (size_t taps : {0, 2, 9})
    for (size_t kc : {1, 3, 8, 13})
      EXPECT_EQ(run(shape(std::min(mr() + 1, kernel().max_m), nr() + 1, kc, taps), Values::kRandom,
                    ++seed),
                "")
          << taps << " taps of " << kc;
}

// The driver splits a product into blocks of every kind; each must land in its place.
TEST_P(GemmKernelTest, Driver) {
  const size_t m = std::min(3 * mr() + 1, kernel().max_m), n = 3 * nr() + 1;
  const GemmProblem problem(kernel().variant, shape(m, n, 64), Values::kRandom, 300);
  const auto rhs = problem.packed(kernel().rhs, kernel().pack_rhs, test_cpu());
  const auto truth = problem.truth();
  const size_t gap = 2;
  const MatrixRows rows{.lhs_stride = problem.lhs_row_bytes(),
                        .out_stride = (n + gap) * problem.out_bytes()};
  for (unsigned workers : {1u, 3u}) {
    const auto pool = ThreadPool::create(workers);
    for (size_t block_m : {mr(), 2 * mr(), 4 * mr()}) {
      for (size_t block_n : {nr(), 2 * nr(), 4 * nr()}) {
        auto plan =
            plan_gemm(kernel(), problem.shape(), rows, {GemmItem{}}, 1, test_cpu(), workers);
        ASSERT_TRUE(plan) << plan.error().message;
        plan->block_m = block_m;
        plan->block_n = block_n;
        plan->max_workers = workers;
        plan->worker_bytes = worker_scratch_bytes(*plan).value();
        auto scratch = AlignedBuffer::allocate(plan->worker_bytes * workers);
        const auto out = problem.output(gap);
        run_gemm(*plan,
                 {.lhs = problem.lhs(),
                  .row_quant = problem.row_quant(),
                  .rhs = rhs->data(),
                  .out = out->data(),
                  .stage = problem.stage()},
                 *pool, scratch->bytes());
        EXPECT_EQ(problem.compare(out->data(), gap, truth), "")
            << workers << " workers, blocks of " << block_m << " x " << block_n;
      }
    }
  }
}

std::vector<const GemmKernel*> kernels_of(bool block_scales) {
  std::vector<const GemmKernel*> out;
  for (const GemmKernel* kernel : gemm_kernels())
    if ((signature(kernel->variant).scale == WeightScale::kPerBlock) == block_scales)
      out.push_back(kernel);
  return out;
}

const auto kernel_name = [](const auto& info) { return std::string(info.param->name); };
INSTANTIATE_TEST_SUITE_P(All, GemmKernelTest,
                         testing::ValuesIn(gemm_kernels().begin(), gemm_kernels().end()),
                         kernel_name);
// Weights with block scales have one tap.
INSTANTIATE_TEST_SUITE_P(All, GemmTapsTest, testing::ValuesIn(kernels_of(false)), kernel_name);
INSTANTIATE_TEST_SUITE_P(All, GemmBlocksTest, testing::ValuesIn(kernels_of(true)), kernel_name);

}  // namespace
}  // namespace smelt
