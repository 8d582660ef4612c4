#include "programs.h"

#include <cstring>

#include <gtest/gtest.h>

#include "author/graph_builder.h"
#include "author/pte_writer.h"

namespace smelt::test {
namespace {

float weight(size_t i, size_t j) { return (float((i + 2 * j) % 5) - 2) / 4; }

AlignedBuffer written(GraphBuilder builder, bool dynamic) {
  PteOptions options;
  options.dynamic = dynamic;
  const Result<std::vector<std::byte>> bytes = write_pte(std::move(builder).finish(), options);
  EXPECT_TRUE(bytes) << bytes.error().message;
  if (!bytes) return {};
  auto buffer = AlignedBuffer::allocate(bytes->size());
  EXPECT_TRUE(buffer) << buffer.error().message;
  std::memcpy(buffer->data(), bytes->data(), bytes->size());
  return *std::move(buffer);
}

}  // namespace

AlignedBuffer add_program(bool dynamic) {
  GraphBuilder b;
  const ValueId x = b.input(DType::kF32, {2, 3});
  const ValueId c = b.constant(DType::kF32, {1, 3}, std::vector<float>{10, 20, 30});
  const ValueId y = b.value(DType::kF32, {2, 3});
  b.node(OpKind::kAdd, {x, c}, {y});
  b.output(y);
  return written(std::move(b), dynamic);
}

AlignedBuffer linear_program(size_t m, size_t n, size_t k, bool dynamic) {
  std::vector<float> weights, bias;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < k; ++j) weights.push_back(weight(i, j));
    bias.push_back(float(i));
  }
  GraphBuilder b;
  const ValueId x = b.input(DType::kF32, {int64_t(m), int64_t(k)});
  const ValueId w = b.constant(DType::kF32, {int64_t(n), int64_t(k)}, weights);
  const ValueId c = b.constant(DType::kF32, {int64_t(n)}, bias);
  const ValueId y = b.value(DType::kF32, {int64_t(m), int64_t(n)});
  b.node(OpKind::kFullyConnected, {x, w, c}, {y}, FullyConnectedAttrs{});
  b.output(y);
  return written(std::move(b), dynamic);
}

std::vector<double> linear(const std::vector<float>& x, size_t n, size_t k) {
  std::vector<double> y;
  for (size_t r = 0; r < x.size() / k; ++r) {
    for (size_t i = 0; i < n; ++i) {
      double sum = double(i);
      for (size_t j = 0; j < k; ++j) sum += double(x[r * k + j]) * double(weight(i, j));
      y.push_back(sum);
    }
  }
  return y;
}

}  // namespace smelt::test
