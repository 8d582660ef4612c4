// Runs one operator on real numbers, whatever its types: tests say what goes in and what should
// come out.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <span>
#include <vector>

#include "ops/op.h"

namespace smelt {

/// A type of operands.
struct Encoding {
  DType dtype = DType::kF32;
  float scale = 0;  ///< above 0: quantised per tensor
  int32_t zero = 0;
};

inline constexpr Encoding kF32 = {DType::kF32}, kF16 = {DType::kF16}, kBF16 = {DType::kBF16};

/// A dense tensor that owns its bytes. Copies own theirs.
class TestTensor {
 public:
  TestTensor(Encoding, Shape);
  /// Encodes the values as the type allows.
  TestTensor(Encoding, Shape, std::span<const double> values);
  /// Random values in [low, high).
  static TestTensor random(Encoding, Shape, uint64_t seed, float low = -3, float high = 3);

  TensorDesc desc() const {
    return {encoding_.dtype, shape_, encoding_.scale > 0 ? &quant_ : nullptr};
  }
  const Shape& shape() const { return shape_; }
  size_t numel() const { return shape_.numel(); }
  /// The real numbers that the bytes stand for.
  std::vector<double> values() const;

  std::vector<std::byte> bytes;

 private:
  Encoding encoding_;
  Shape shape_;
  Quant quant_;
};

/// A node to test. Outputs are declared by their encodings; their shapes are inferred.
struct TestNode {
  OpKind kind;
  Attrs attrs = NoAttrs{};
  OutputRange range = {};
  std::vector<TestTensor> inputs;
  std::vector<Encoding> outputs = {kF32};
  size_t declared_rank = 4;  ///< of the outputs, for ops that ask
};

/// make_op, infer, bind and run. Runs with one worker, with several, and in place where the op
/// offers it, and expects the same bytes each time.
Result<std::vector<TestTensor>> run(const TestNode&);

/// The error of making or inferring the node; nothing if it is fine.
std::optional<Error> error_of(const TestNode&);

/// Every element within the rounding of its type, plus `relative` and `absolute`. NaN is expected
/// as NaN.
testing::AssertionResult matches(const TestTensor& actual, std::span<const double> expected,
                                 double relative = 1e-6, double absolute = 1e-6);

}  // namespace smelt
