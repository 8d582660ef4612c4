#include "tensor/shape.h"

#include <gtest/gtest.h>

#include "tensor/tensor.h"

namespace smelt {
namespace {

TEST(Shape, CountsElements) {
  EXPECT_EQ(Shape{}.numel(), 1u);
  EXPECT_EQ((Shape{2, 3, 4}).numel(), 24u);
  EXPECT_EQ((Shape{2, 0, 4}).numel(), 0u);
  EXPECT_EQ((Shape{2, 3, 4}).numel(1, 3), 12u);
  EXPECT_EQ((Shape{2, 3, 4}).back(), 4);
  EXPECT_EQ(to_string(Shape{1, 3, 224, 224}), "[1, 3, 224, 224]");
  EXPECT_EQ(to_string(Shape{}), "[]");
}

TEST(Shape, CheckedNumelRefusesWhatCannotBeAddressed) {
  EXPECT_EQ(checked_numel(Shape{}), 1u);
  EXPECT_EQ(checked_numel(Shape{0, 5}), 0u);
  EXPECT_FALSE(checked_numel(Shape{-1}));
  EXPECT_FALSE(checked_numel(Shape{int64_t(1) << 31, int64_t(1) << 31}));
  EXPECT_FALSE(checked_numel(Shape{int64_t(1) << 62, int64_t(1) << 62}));
  // An empty tensor whose other extents overflow has strides that overflow: refused as well.
  EXPECT_FALSE(checked_numel(Shape{0, int64_t(1) << 62, 4}));
}

TEST(Shape, BytesOfPackedNibblesRoundUpPerRow) {
  EXPECT_EQ(dense_bytes(DType::kU4, Shape{3, 5}), 9u);
  EXPECT_EQ(dense_bytes(DType::kU4, Shape{3, 4}), 6u);
  EXPECT_EQ(dense_bytes(DType::kF16, Shape{3, 5}), 30u);
}

TEST(TensorDesc, DynamicallyQuantisedTensorsCarryTheirRowsParameters) {
  Quant quant;
  quant.granularity = QuantGranularity::kPerToken;
  quant.nonbatch_dims = 1;
  const TensorDesc desc{DType::kS8, Shape{2, 3, 10}, &quant};
  EXPECT_EQ(desc.rows(), 6u);
  EXPECT_EQ(desc.row_elements(), 10u);
  EXPECT_EQ(desc.row_quant_offset(), 64u);
  EXPECT_EQ(desc.bytes(), 64u + 6 * sizeof(RowQuant));
}

}  // namespace
}  // namespace smelt
