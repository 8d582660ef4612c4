#include <cstring>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/bundled/bundled_program.h"
#include "format/pte/program_file.h"
#include "support/bundle_builder.h"
#include "support/program_builder.h"
#include "support/read_everything.h"

namespace smelt {
namespace {

using testing::bundled_tensor;
using testing::BundledCaseSpec;
using testing::BundledTensorSpec;
using testing::BundleSpec;
using ::testing::HasSubstr;
using enum pte::ScalarType;

Result<BundledCases> open(const std::vector<std::byte>& bytes) {
  return BundledCases::parse(bytes, "x.bpte");
}

BundleSpec sound() {
  BundledCaseSpec all{
      {bundled_tensor<float>(Float, {2, 3}, {1, 2, 3, 4, 5, 6}, {1, 0}), int64_t(-5), 2.5, true,
       bundled_tensor<int64_t>(Long, {0}, {}), bundled_tensor<uint16_t>(BFloat16, {}, {0x3f80})},
      {bundled_tensor<uint8_t>(Bool, {2}, {0, 1})}};
  return {{{"a", {all, {}}}, {"b", {}}, {"c", {{}}}}, testing::sound_program().build()};
}

TEST(Bundled, GivesTheCasesOfEachMethod) {
  const auto bytes = sound().build();
  const auto bundle = open(bytes);
  ASSERT_TRUE(bundle) << bundle.error().message;
  const auto cases = bundle->cases();
  ASSERT_EQ(cases.size(), 3u);
  EXPECT_EQ(cases[0].method, "a");
  EXPECT_EQ(cases[1].method, "a");
  EXPECT_EQ(cases[1].index, 1u);
  EXPECT_EQ(cases[2].method, "c");
  EXPECT_TRUE(cases[2].inputs.empty() && cases[2].outputs.empty());

  const auto& in = cases[0].inputs;
  ASSERT_EQ(in.size(), 6u);
  ASSERT_NE(in[0].tensor(), nullptr);
  EXPECT_EQ(in[0].tensor()->dtype, DType::kF32);
  EXPECT_EQ(in[0].tensor()->shape, Shape({2, 3}));
  EXPECT_EQ(in[0].tensor()->dim_order, Shape({1, 0}));
  EXPECT_EQ(in[0].tensor()->as<float>()[5], 6.0f);
  EXPECT_EQ(*in[1].integer(), -5);
  EXPECT_EQ(*in[2].real(), 2.5);
  EXPECT_EQ(*in[3].boolean(), true);
  EXPECT_EQ(in[4].tensor()->shape.numel(), 0u);
  EXPECT_EQ(in[5].tensor()->dtype, DType::kBF16);
  EXPECT_EQ(cases[0].outputs.size(), 1u);
}

TEST(Bundled, TheProgramInsideIsRead) {
  // Aligned as exporters do, and askew.
  for (const size_t alignment : {size_t(32), size_t(1)}) {
    BundleSpec spec = sound();
    spec.program_alignment = alignment;
    auto bytes = spec.build();
    const auto file = ProgramFile::parse(bytes, "x.bpte");
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_EQ(file->bytes().size(), spec.program.size());
    EXPECT_EQ(std::memcmp(file->bytes().data(), spec.program.data(), spec.program.size()), 0);
    EXPECT_TRUE(file->find_plan("forward"));
  }
}

TEST(Bundled, NamesTheFieldThatIsWrong) {
  const auto refused = [](BundledTensorSpec t, const char* message,
                          ErrorCode code = ErrorCode::kInvalidFile) {
    const auto bundle = open(BundleSpec{{{"a", {{{t}, {}}}}}, {}}.build());
    ASSERT_FALSE(bundle) << message;
    EXPECT_EQ(bundle.error().code, code) << bundle.error().message;
    EXPECT_THAT(bundle.error().message,
                HasSubstr(std::string("method_test_suites[0].test_cases[0].inputs[0].") + message));
  };
  const std::vector<float> two = {1, 2};
  refused(bundled_tensor(Float, {3}, two), "data has 8 bytes");
  refused(bundled_tensor(Float, {-1}, two), "sizes[0] is -1");
  refused(bundled_tensor(Float, {2, 1}, two, {0, 0}), "dim_order");
  refused(bundled_tensor(Float, {2, 1}, two, {0, 2}), "dim_order");
  refused(bundled_tensor(Float, {2, 1}, two, {0}), "dim_order");
  refused(bundled_tensor(Float, std::vector<int32_t>(40, 1), two), "sizes has 40");
  refused(bundled_tensor(Float, std::vector<int32_t>(6, 2'000'000'000), two), "sizes is");
  refused(bundled_tensor(QInt8, {2}, two), "scalar_type is 12", ErrorCode::kUnsupported);
  EXPECT_THAT(open(BundleSpec{{{"a", {{{std::monostate()}, {}}}}}, {}}.build()).error().message,
              HasSubstr("inputs[0].val is of no known type"));
  EXPECT_THAT(open(BundleSpec{{{std::nullopt, {}}}, {}}.build()).error().message,
              HasSubstr("method_test_suites[0].method_name is missing"));
}

TEST(Bundled, DamageIsAnErrorAndNeverACrash) {
  const std::vector<std::byte> whole = sound().build();
  constexpr size_t kPadding = 64;  // at the end, which nobody reads
  for (size_t size = 8; size + kPadding < whole.size(); size += 7)
    EXPECT_FALSE(open({whole.begin(), whole.begin() + ptrdiff_t(size)})) << size;
  for (size_t at = 8; at < whole.size(); at += 3) {
    for (const uint8_t to : {0x00, 0x7f, 0xff}) {
      std::vector<std::byte> damaged = whole;
      damaged[at] = std::byte(to);
      if (const auto bundle = open(damaged)) {
        for (const auto& c : bundle->cases()) {
          for (const Value& v : c.inputs) {
            if (const TensorView* t = v.tensor())
              testing::look_at({t->as<const std::byte>(), t->bytes});
          }
        }
      }
      (void)ProgramFile::parse(damaged, "damaged");
    }
  }
}

}  // namespace
}  // namespace smelt
