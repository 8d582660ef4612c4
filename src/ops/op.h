// What an operator is to the planner. Three steps, each with less freedom than the one before:
//
//   make_op   once per node    packs constants; may allocate and fail
//   bind      once per shape   chooses kernels and blocking, reports scratch; may allocate and fail
//   run       every inference  does neither
//
// An Op is immutable after make_op and shared by all plans of its graph; a BoundOp is immutable
// after bind and shared by all sessions of its plan. Both may be used by several threads at once.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "kernels/gemm/quantized_lhs.h"
#include "ops/attrs.h"
#include "platform/cpu.h"
#include "platform/threads.h"
#include "tensor/tensor.h"

namespace smelt {

struct Packing;

/// An operand as make_op sees it: its type, its shape as declared (dynamic extents are upper
/// bounds), and its bytes if it is constant. Constant bytes live as long as the program does: an op
/// that needs no other layout keeps the pointer.
struct Operand {
  TensorDesc desc;
  const std::byte* constant = nullptr;
  bool present = true;  ///< false: an optional operand (a bias) that the node does not have
};

/// A node as make_op sees it. Operand order is the node's: lhs, rhs, bias; query, key, value,
/// scale, mask.
struct NodeSpec {
  OpKind kind;
  Attrs attrs;
  OutputRange range;
  std::vector<Operand> inputs;
  std::vector<Operand> outputs;
  Packing* packing = nullptr;  ///< where packed weights are shared; null: nowhere
};

/// What run needs besides pointers.
struct RunContext {
  ThreadPool& pool;
  std::span<std::byte> scratch;  ///< kAlignment-aligned, at least scratch_bytes() long
};

/// How a bound op came by its micro-kernel, for a person to read.
struct KernelChoice {
  struct Rejected {
    std::string_view kernel;
    Isa isa;
    std::string why;
  };
  std::string_view variant;  ///< "pf32"
  Isa isa = Isa::kScalar;
  std::string tile;  ///< "12x32"; empty where the kernel has none
  std::vector<Rejected> rejected;
};

class BoundOp {
 public:
  virtual ~BoundOp() = default;
  virtual size_t scratch_bytes() const noexcept { return 0; }
  /// in[i], out[i]: first byte of operand i, kAlignment-aligned or at least aligned to its element;
  /// null for operands that are absent. Constants are passed like the rest. Inputs do not overlap
  /// outputs unless in_place() says so.
  virtual void run(std::span<const std::byte* const> in, std::span<std::byte* const> out,
                   RunContext&) const noexcept = 0;
  /// The input whose memory output 0 may reuse (same bytes, same size), or none.
  virtual std::optional<size_t> in_place() const noexcept { return std::nullopt; }
  /// Output 0 is the bytes of the in_place() input, so where both are the same memory, run writes
  /// nothing.
  virtual bool keeps_bytes() const noexcept { return false; }
  /// The micro-kernel that will run: "gemm_pf32_avx512_12x32", or what it is instead ("copy").
  virtual std::string_view kernel() const noexcept = 0;
  /// Multiply-accumulates of one run; 0 where that says nothing.
  virtual uint64_t macs() const noexcept { return 0; }
  /// Ops that chose among kernels of different tiles say how; `cpu` is the one that the op was made
  /// for.
  virtual std::optional<KernelChoice> choice(const Cpu&) const { return std::nullopt; }
};

class Op {
 public:
  virtual ~Op() = default;
  /// Output shapes for input shapes (constants included, in operand order). kInvalidArgument says
  /// what was expected.
  virtual Result<std::vector<Shape>> infer(std::span<const Shape> inputs) const = 0;
  /// The form in which this op would best read its first input, if that is quantised while running.
  /// bind is then told in `in[0].form` whether it is. None: row-major.
  virtual std::optional<QuantizedLhs> quantized_lhs(std::span<const TensorDesc>) const {
    return std::nullopt;
  }
  /// Fixes the shapes. `in` and `out` are in operand order; `workers` is the size of the pool it
  /// will run on.
  virtual Result<std::unique_ptr<const BoundOp>> bind(std::span<const TensorDesc> in,
                                                      std::span<const TensorDesc> out,
                                                      unsigned workers) const = 0;
  /// Bytes of packed weights that this op owns.
  virtual size_t packed_bytes() const noexcept { return 0; }
};

/// Builds the op for a node. kUnsupported names the node, the types and what would be supported.
Result<std::unique_ptr<const Op>> make_op(const NodeSpec&, const Cpu&);

}  // namespace smelt
