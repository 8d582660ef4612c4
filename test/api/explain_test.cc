// Explanations and profiles through the API.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "programs.h"
#include "smelt/smelt.hpp"
#include "support/allocations.h"

namespace smelt::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Explain, SaysWhichKernelAndWhy) {
  const AlignedBuffer bytes = linear_program(4, 32, 16);
  const auto program =
      Program::load(bytes.bytes(), {.threads = 1, .isa = "scalar", .external_data = {}});
  ASSERT_TRUE(program) << program.error().message;
  const auto method = program->method();
  ASSERT_TRUE(method) << method.error().message;
  const std::vector<StepInfo> steps = method->explain();
  ASSERT_EQ(steps.size(), 1u);
  const StepInfo& s = steps[0];
  EXPECT_EQ(s.name, "Fully Connected (NC, PF32) GEMM #1");
  EXPECT_EQ(s.type, "FullyConnected");
  EXPECT_EQ(s.variant, "pf32");
  EXPECT_EQ(s.kernel, "gemm_pf32_scalar_4x8");
  EXPECT_EQ(s.tile, "4x8");
  EXPECT_EQ(s.unit, Unit::kPlain);
  EXPECT_EQ(s.macs, 4u * 32 * 16);
  EXPECT_FALSE(s.removed);
  EXPECT_THAT(s.reason, StartsWith("not on the matrix unit: "));
  for (const Alternative& a : s.alternatives)
    EXPECT_THAT(a.reason, HasSubstr("not available")) << a.kernel;
}

TEST(Explain, PlansForAMachineThatIsNotHereAndDoesNotRunThere) {
  const AlignedBuffer bytes = linear_program(4, 32, 16);
  const auto program = Program::load(
      bytes.bytes(), {.threads = 1, .isa = {}, .external_data = {}, .cpu = "apple-m4"});
  ASSERT_TRUE(program) << program.error().message;
  auto method = program->method();
  ASSERT_TRUE(method) << method.error().message;
  const StepInfo s = method->explain().at(0);
  EXPECT_EQ(s.unit, Unit::kMatrix);
  EXPECT_THAT(s.kernel, StartsWith("gemm_pf32_sme2_"));
  EXPECT_THAT(s.reason, StartsWith("matrix unit: "));
  EXPECT_EQ(s.executorch_current, "Fully Connected (NC, PF32) GEMM #1");
  std::vector<float> x(4 * 16);
  Value in[] = {TensorView::of(std::span(x), {4, 16})}, out[1];
  const Status ran = method->run(in, out);
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(ran.error().message, HasSubstr("apple-m4"));
}

TEST(Profile, RecordsEachStepOfEachRun) {
  const AlignedBuffer bytes = linear_program(4, 32, 16);
  const auto program = Program::load(bytes.bytes(), {.threads = 1, .isa = {}, .external_data = {}});
  ASSERT_TRUE(program);
  auto method = program->method();
  ASSERT_TRUE(method);
  std::vector<float> x(4 * 16, 1.0f);
  Value in[] = {TensorView::of(std::span(x), {4, 16})}, out[1];
  ASSERT_TRUE(method->run(in, out));
  ASSERT_TRUE(method->start_profile(100));
  const uint64_t before = allocations();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(method->run(in, out));
  EXPECT_EQ(allocations(), before) << "recording allocates nothing";
  const Profile p = method->stop_profile();
  ASSERT_TRUE(method->run(in, out));

  ASSERT_EQ(p.times.size(), 9u) << "node, delegate and run, three times";
  EXPECT_EQ(p.dropped, 0u);
  constexpr Zone::Kind kOrder[] = {Zone::Kind::kStep, Zone::Kind::kDelegate, Zone::Kind::kRun};
  for (size_t i = 0; i < p.times.size(); ++i) {
    const ZoneTime& t = p.times[i];
    ASSERT_LT(t.zone, p.zones.size());
    EXPECT_EQ(p.zones[t.zone].kind, kOrder[i % 3]);
    EXPECT_LE(t.begin_ns, t.end_ns);
    if (i % 3 != 0) {
      EXPECT_LE(t.begin_ns, p.times[i - 1].begin_ns) << "zones nest";
    }
  }
  EXPECT_EQ(p.steps.at(p.zones[p.times[0].zone].step).type, "FullyConnected");
  EXPECT_TRUE(method->stop_profile().times.empty()) << "nothing was started";
}

}  // namespace
}  // namespace smelt::test
