// Operands of GEMM-shaped nodes, in all the ways in which they can be quantised, and a run of such
// a node. Everything a test compares is a real number.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "ops/gemm_ops.h"
#include "support/guarded.h"

namespace smelt {

/// A tensor with its bytes (which end at a guard page) and the real numbers that they stand for.
struct TestOperand {
  DType dtype = DType::kF32;
  Shape shape;
  bool quantized = false;
  Quant quant;
  std::vector<float> channel_scale;
  std::vector<BFloat16> block_scale;
  std::shared_ptr<Guarded<std::byte>> bytes;
  std::vector<double> values;
  bool constant = true;

  TensorDesc desc() const { return {dtype, shape, quantized ? &quant : nullptr}; }
  Operand operand() const { return {desc(), constant ? bytes->data() : nullptr, true}; }
};
// Operands hold descriptors of themselves, so they stay where they are made.
using OperandPtr = std::unique_ptr<TestOperand>;

OperandPtr float_operand(DType, Shape, uint64_t seed);
OperandPtr int8_operand(Shape, float scale, int32_t zero, uint64_t seed);
/// A scale for each index of `axis`.
OperandPtr int8_channels(Shape, size_t axis, uint64_t seed);
/// [n, k]
OperandPtr nibble_channels(Shape, uint64_t seed);
OperandPtr nibble_blocks(Shape, uint32_t block, uint64_t seed);
/// int8 rows of the innermost `nonbatch_dims`, each with its own zero point and scale.
OperandPtr dynamic_operand(Shape, uint8_t nonbatch_dims, uint64_t seed);
/// int32, in units of lhs scale x weight scale.
OperandPtr int32_bias(const TestOperand& lhs, const TestOperand& weights, size_t channels,
                      uint64_t seed);
/// The type that a node writes: int8 if scale is above 0.
OperandPtr output_of(DType, float scale = 0, int32_t zero = 0);

OperandPtr computed(OperandPtr);  ///< not constant

struct GemmNode {
  Result<std::unique_ptr<const Op>> (*make)(const NodeSpec&, const Cpu&);
  Attrs attrs = NoAttrs{};
  OutputRange range = {};
  std::vector<const TestOperand*> inputs;
  TestOperand* output = nullptr;  ///< gets shape, bytes and values

  NodeSpec spec() const;
};

/// Makes, infers, binds and runs with one worker and with three, which must agree.
void run_node(const GemmNode&);
/// The error of making the node.
std::optional<Error> make_error(const GemmNode&);

struct Expected {
  std::vector<double> values,
      magnitudes;  ///< magnitude: the sum of the absolute values of what was added
  Shape shape;
};

/// Values within what the rounding of `terms` terms and of the output allow.
void expect_values(const TestOperand& actual, const Expected&, const OutputRange&, size_t terms);

/// The machine, with $SMELT_ISA applied.
const Cpu& gemm_cpu();

}  // namespace smelt
