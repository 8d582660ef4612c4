#include "format/ptd/external_data.h"

#include <gtest/gtest.h>

#include "tensor_file_builder.h"

namespace smelt {
namespace {

using testing::TensorFileSpec;

TEST(ExternalData, FindsDataAndTensorsByName) {
  const std::vector<std::byte> file = TensorFileSpec().build();
  const auto d = ExternalData::parse(file, "w.ptd");
  ASSERT_TRUE(d) << d.error().message;
  const std::byte* segments = file.data() + file.size() - 40;
  ASSERT_EQ(d->named_data().entries().size(), 3u);
  EXPECT_EQ(d->named_data().find("scales")->data(), segments + 32);
  EXPECT_EQ(d->named_data().find("scales")->size(), 8u);
  EXPECT_FALSE(d->named_data().find("c.weight"));
  const ExternalTensor* t = d->find_tensor("b.weight");
  ASSERT_NE(t, nullptr);
  EXPECT_EQ(t->dtype, DType::kF32);
  EXPECT_EQ(t->shape, (Shape{2, 3}));
  EXPECT_EQ(t->dim_order, (std::vector<uint8_t>{0, 1}));
  EXPECT_EQ(t->bytes.data(), segments);
  EXPECT_EQ(t->bytes.size(), 24u);
  EXPECT_EQ(d->find_tensor("scales"), nullptr) << "has no layout";
  ASSERT_EQ(d->tensors().size(), 2u);
  EXPECT_EQ(d->tensors()[0].key, "a.weight");
}

TEST(ExternalData, KeepsDataWhoseTypeItDoesNotKnow) {
  TensorFileSpec s;
  s.named[0].type = pte::ScalarType::Float8e4m3fn;
  const std::vector<std::byte> file = s.build();
  const auto d = ExternalData::parse(file, "w.ptd");
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_TRUE(d->named_data().find("b.weight"));
  EXPECT_EQ(d->find_tensor("b.weight"), nullptr);
}

struct Wrong {
  const char* name;
  std::function<void(TensorFileSpec&)> change;
  const char* message;
};
void PrintTo(const Wrong& w, std::ostream* out) { *out << w.name; }

class InvalidExternalData : public ::testing::TestWithParam<Wrong> {};

TEST_P(InvalidExternalData, IsRejectedWithFieldAndValue) {
  TensorFileSpec spec;
  GetParam().change(spec);
  const std::vector<std::byte> file = spec.build();
  const auto d = ExternalData::parse(file, "w.ptd");
  ASSERT_FALSE(d);
  EXPECT_EQ(d.error().code, ErrorCode::kInvalidFile);
  EXPECT_EQ(d.error().message, std::string("w.ptd: ") + GetParam().message);
}

const Wrong kWrong[] = {
    {"Identifier", [](TensorFileSpec& s) { s.identifier = "ET12"; },
     "not external data (.ptd) but an ExecuTorch program (.pte)"},
    {"Magic", [](TensorFileSpec& s) { s.magic = "XXXX"; }, "no header \"FH01\" at byte 8"},
    {"IndexCutShort", [](TensorFileSpec& s) { s.index_size = 40; },
     "the index of 88 bytes is truncated, corrupt, or older than ExecuTorch 0.7: not a well-formed "
     "flatbuffer"},
    {"SegmentOutside", [](TensorFileSpec& s) { s.segments[1].size = 9; },
     "segments[1] has 9 bytes at offset 32 of 40"},
    {"SegmentIndex", [](TensorFileSpec& s) { s.named[2].segment = 2; },
     "named_data[2].segment_index is 2, but there are 2 segments"},
    {"KeyMissing", [](TensorFileSpec& s) { s.named[1].key.reset(); },
     "named_data[1].key is missing"},
    {"KeyTwice", [](TensorFileSpec& s) { s.named[1].key = "scales"; },
     "named_data has the key \"scales\" twice"},
    {"NegativeSize", [](TensorFileSpec& s) { s.named[0].sizes[1] = -3; },
     "named_data[0].tensor_layout.sizes[1] is -3; must be 0 or more"},
    {"Rank",
     [](TensorFileSpec& s) { s.named[0].sizes.assign(17, 1), s.named[0].dim_order.assign(17, 0); },
     "named_data[0].tensor_layout.sizes has 17 dimensions; must be at most 16"},
    {"DimOrder", [](TensorFileSpec& s) { s.named[0].dim_order = {1, 1}; },
     "named_data[0].tensor_layout.dim_order[1] is 1: not a permutation of 2 dimensions"},
    {"DimOrderLength", [](TensorFileSpec& s) { s.named[0].dim_order = {0}; },
     "named_data[0].tensor_layout.dim_order has 1 entries for 2 dimensions"},
    {"Elements", [](TensorFileSpec& s) { s.named[0].sizes = {0x7fffffff, 0x7fffffff}; },
     "named_data[0].tensor_layout.sizes is [2147483647, 2147483647], more than can be addressed"},
    {"TooShort", [](TensorFileSpec& s) { s.named[0].sizes = {2, 4}; },
     "named_data[0].segment_index is 0: 24 bytes, but float32 [2, 4] needs 32"},
    {"Misaligned", [](TensorFileSpec& s) { s.segments[0].offset = 2; },
     "named_data[0].segment_index is 0: elements are not aligned to their 4 bytes"},
};

INSTANTIATE_TEST_SUITE_P(ExternalData, InvalidExternalData, ::testing::ValuesIn(kWrong),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace smelt
