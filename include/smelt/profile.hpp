// What a method does, step by step: which kernel runs each step and why, and how long it took.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace smelt {

/// Where the arithmetic of a step runs.
enum class Unit : uint8_t {
  kNone,    ///< there is nothing to run: the planner removed the step
  kPlain,   ///< portable code
  kSimd,    ///< vector instructions
  kMatrix,  ///< the matrix unit (SME)
};

enum class Category : uint8_t {
  kMatrixProduct,
  kElementwise,   ///< activations, arithmetic, reductions, pooling
  kDataMovement,  ///< transposes, copies, conversions between types
  kControl,       ///< values that no tensor holds: indices, shapes, jumps
};

/// Whether ExecuTorch's partitioner for XNNPACK would take an operator that is outside delegates.
enum class Delegable : uint8_t {
  kNever,      ///< it takes no such operator
  kNotAsItIs,  ///< with other types, shapes or attributes
  kYes,        ///< as far as the file shows
};

std::string_view name(Delegable) noexcept;  ///< "never", "not as it is", "yes"
std::string_view name(Unit) noexcept;       ///< "matrix", "simd", "plain", "none"
std::string_view name(
    Category) noexcept;  ///< "matrix product", "element-wise", "data movement", "control"

/// A kernel that could compute a step, and why it does not.
struct Alternative {
  std::string kernel, isa, reason;
};

/// A node of a delegate, or a call of an operator that no delegate took.
struct StepInfo {
  std::string
      name;  ///< as in ExecuTorch's profiles: "Fully Connected (NC, PF32) GEMM #1"; "aten::add.out"
  std::string type;           ///< as in the file: "FullyConnected", "aten::add.out"
  std::string signature;      ///< "(fp32, qcint8*, fp32*) -> fp32"; * marks constants
  std::string shapes;         ///< "[1, 256] x [64, 256] -> [1, 64]"
  int32_t delegate = -1;      ///< its index in the method; -1: an operator
  uint32_t instruction = 0;   ///< the first instruction that runs it
  uint32_t node = 0;          ///< its index in the delegate, as in the file
  uint32_t debug_handle = 0;  ///< the exporter's
  Category category = Category::kControl;
  Unit unit = Unit::kNone;
  bool removed = false;             ///< by the planner: other steps do its work, or it has none
  std::vector<std::string> passes;  ///< what the planner did to it
  std::string variant;              ///< operand semantics of a matrix product: "qp8_f32_qb4w"
  std::string kernel, isa, tile;    ///< "gemm_pf32_avx512_12x32", "avx512", "12x32"
  std::string reason;               ///< why that unit: a sentence
  std::string outside;              ///< of an operator: why no delegate has it
  Delegable delegable = Delegable::kNever;  ///< of an operator
  /// A product of floats that were integers: quantised when exporting, and not run quantised.
  bool stayed_float = false;
  std::vector<Alternative> alternatives;  ///< the most capable first
  uint64_t macs = 0;                      ///< multiply-accumulates of one run
  uint64_t bytes = 0;                     ///< read and written
  uint64_t packed_bytes = 0;              ///< of packed weights
  /// What ExecuTorch's own profiler would say of this node on the same CPU; empty: it has no such
  /// step.
  std::string executorch_1_0, executorch_current;
};

/// What a recorded stretch of time was spent on.
struct Zone {
  enum class Kind : uint8_t {
    kRun,       ///< Method::run
    kDelegate,  ///< the call of a delegate
    kStep
  } kind = Kind::kRun;
  uint32_t step = 0;         ///< kStep: index in Profile::steps
  int32_t delegate = -1;     ///< kDelegate
  uint32_t instruction = 0;  ///< kDelegate
};

struct ZoneTime {
  uint32_t zone;              ///< index in Profile::zones
  uint64_t begin_ns, end_ns;  ///< of the steady clock
  uint64_t busy_ns = 0;       ///< time that workers computed, all together
};

struct Profile {
  std::vector<StepInfo> steps;  ///< of the shapes that ran last
  std::vector<Zone> zones;
  std::vector<ZoneTime> times;  ///< in the order in which they ended
  uint64_t dropped = 0;         ///< times for which there was no room
  unsigned workers = 1;         ///< threads that there were to compute
};

}  // namespace smelt
