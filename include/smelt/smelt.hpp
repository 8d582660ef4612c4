// Smelt's C++ API: load a program, look at it, run its methods.
//
//   auto program = smelt::Program::load("model.pte");            // maps the file
//   auto method = program->method("forward");                    // packs weights, plans memory
//   smelt::Value in[] = {smelt::TensorView::of(x, {1, 3, 224, 224})}, out[1];
//   if (auto ok = method->run(in, out); !ok) puts(ok.error().message.c_str());
//   const float* y = out[0].tensor()->as<float>();
//
// Thread-safety: a Program may be used by several threads. A Method is used by one thread at a
// time; several Methods of one Program may run at once, unless they share state
// (MethodInfo::shared_state_bytes): of those one runs, or is reset, at a time.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "smelt/profile.hpp"
#include "smelt/shape.hpp"
#include "smelt/types.hpp"

namespace smelt {

/// The version of the library: "0.1.0".
std::string_view version() noexcept;

/// A tensor in somebody's memory: dense, in the order `dim_order` gives. Copying it copies no
/// elements.
struct TensorView {
  void* data = nullptr;
  size_t bytes = 0;  ///< what `data` has room for; at least what the shape needs
  DType dtype = DType::kF32;
  Shape shape;
  /// Dimensions from the outermost in memory to the innermost; empty: as in the shape. (0, 2, 3, 1)
  /// is channels-last.
  Shape dim_order;

  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
  /// A view of caller's elements: float, double, int8_t … int64_t, uint8_t … uint64_t, bool. Inputs
  /// are never written to.
  template <class T>
  static TensorView of(std::span<T> elements, Shape shape);
};

/// What goes into a method and comes out of it.
class Value {
 public:
  Value() = default;
  Value(TensorView t) : v_(t) {}
  // Templates, so that Value(5) is an integer, and Value("x") a string and not a bool.
  Value(std::same_as<bool> auto b) : v_(b) {}
  template <std::integral I>
    requires(!std::same_as<I, bool>)
  Value(I i) : v_(int64_t(i)) {}
  Value(std::floating_point auto d) : v_(double(d)) {}
  Value(std::string_view s) : v_(s) {}
  Value(const char* s) : v_(std::string_view(s)) {}

  bool is_none() const { return std::holds_alternative<std::monostate>(v_); }
  TensorView* tensor() { return std::get_if<TensorView>(&v_); }
  const TensorView* tensor() const { return std::get_if<TensorView>(&v_); }
  const int64_t* integer() const { return std::get_if<int64_t>(&v_); }
  const double* real() const { return std::get_if<double>(&v_); }
  const bool* boolean() const { return std::get_if<bool>(&v_); }
  const std::string_view* string() const { return std::get_if<std::string_view>(&v_); }

 private:
  std::variant<std::monostate, TensorView, int64_t, double, bool, std::string_view> v_;
};

enum class ValueKind : uint8_t { kNone, kTensor, kInt, kDouble, kBool, kString, kList };

/// How far the shape of a tensor is fixed.
enum class Dynamism : uint8_t {
  kStatic,   ///< exactly `shape`
  kBounded,  ///< no extent larger than in `shape`
  kUnbounded
};

/// What a method expects at an input, or gives at an output.
struct ValueInfo {
  ValueKind kind = ValueKind::kTensor;
  DType dtype = DType::kF32;
  Shape shape, dim_order;
  Dynamism dynamism = Dynamism::kStatic;
};

/// More workers than this are refused: no machine has them, and each costs memory.
inline constexpr unsigned kMaxThreads = 1024;

struct LoadOptions {
  unsigned threads = 0;  ///< workers, the caller included; 0: as `smelt cpu` says; <= kMaxThreads
  std::string isa;       ///< comma-separated tiers to use; empty: all that the CPU has
  std::vector<std::filesystem::path> external_data;  ///< .ptd files, searched in order
  std::string cpu = {};  ///< plan for a machine that is not here ("apple-m4"); its methods explain,
                         ///< but do not run
};

/// A node of a delegate, as the file has it.
struct NodeInfo {
  std::string name;       ///< "FullyConnected"
  std::string signature;  ///< "(fp32, qcint8*, fp32*) -> fp32"; * marks constants
  std::string kernel;     ///< the micro-kernel planned for it
  uint32_t debug_handle = 0;
  uint64_t macs = 0;
};
struct DelegateInfo {
  std::string backend;  ///< "XnnpackBackend"
  std::vector<NodeInfo> nodes;
  size_t constant_bytes = 0;  ///< in the file
  size_t packed_bytes = 0;    ///< owned, besides the file's
  size_t arena_bytes = 0;
};
struct OperatorInfo {
  std::string name;  ///< "aten::add.out"
  size_t calls = 0;
};
/// Everything about a method that the file and the plan know.
struct MethodInfo {
  std::string name;
  std::vector<ValueInfo> inputs, outputs;
  std::vector<DelegateInfo> delegates;
  std::vector<OperatorInfo> operators;
  size_t instructions = 0;
  size_t planned_bytes = 0;   ///< memory that the file's own plan asks for
  size_t constant_bytes = 0;  ///< constants of un-delegated operators
  /// State that belongs to the program, because its file gives it to several methods: a cache that
  /// "prefill" fills and "decode" reads. 0: the method has its state for itself.
  size_t shared_state_bytes = 0;
};

/// A loaded method: weights packed, memory planned. Movable.
class Method {
 public:
  Method(Method&&) noexcept;
  Method& operator=(Method&&) noexcept;
  ~Method();

  std::span<const ValueInfo> inputs() const;
  std::span<const ValueInfo> outputs() const;
  const MethodInfo& info() const;

  /// Runs once. `inputs` are read and never written. Where outputs[i] is a tensor with memory, the
  /// result goes there (kInvalidArgument if it does not fit) and its shape is set; else outputs[i]
  /// refers to memory of the method, valid until its next run. What a run left in `outputs` may be
  /// passed to the next: the method knows its own memory. Allocates nothing once it has seen the
  /// input shapes. Denormals are zeros meanwhile. kInvalidArgument: which input should be what.
  Status run(std::span<const Value> inputs, std::span<Value> outputs);

  /// Puts mutable state (KV caches and other buffers) back to its initial value. State that is
  /// shared is put back for all methods.
  void reset();

  /// What the method does and why, in the order of its instructions: each node of each delegate,
  /// removed ones included, and each operator outside delegates. For the shapes that ran last;
  /// before the first run, the largest allowed.
  std::vector<StepInfo> explain() const;
  /// From now on runs record how long each step takes, up to `max_times` times; that memory is
  /// taken now, and running still allocates nothing. Costs two readings of a clock per step;
  /// nothing while no profile is being taken. kOutOfMemory.
  Status start_profile(size_t max_times = size_t(1) << 20);
  /// Stops recording. Empty if nothing was started.
  Profile stop_profile();

  struct Impl;
  explicit Method(std::unique_ptr<Impl>);

 private:
  std::unique_ptr<Impl> impl_;
};

/// An ExecuTorch program. Cheap to copy; copies share the mapping.
class Program {
 public:
  /// Maps and checks the file. kNotFound, kIo, kInvalidFile (names the field), kUnsupported.
  static Result<Program> load(const std::filesystem::path&, LoadOptions = {});
  /// The same from memory, which the caller keeps alive and unchanged for as long as any copy of
  /// the Program or any of its Methods lives. `data` is aligned to 16 bytes.
  static Result<Program> load(std::span<const std::byte> data, LoadOptions = {});

  std::vector<std::string> method_names() const;
  /// Loads a method. kNotFound names those that exist; kUnsupported names everything that is
  /// missing at once. State that the file shares between methods has its initial value when the
  /// first of them is loaded, and keeps what is in it for as long as the program lives; whoever
  /// wants it twice loads the program twice.
  Result<Method> method(std::string_view name = "forward") const;

  struct Impl;

 private:
  explicit Program(std::shared_ptr<const Impl>);
  std::shared_ptr<const Impl> impl_;
};

// Implementation of TensorView::of.
template <class T>
struct DTypeOf;
#define SMELT_DTYPE_OF(type, dtype)              \
  template <>                                    \
  struct DTypeOf<type> {                         \
    static constexpr DType value = DType::dtype; \
  };
SMELT_DTYPE_OF(float, kF32)
SMELT_DTYPE_OF(double, kF64)
SMELT_DTYPE_OF(int8_t, kS8)
SMELT_DTYPE_OF(uint8_t, kU8)
SMELT_DTYPE_OF(int16_t, kS16)
SMELT_DTYPE_OF(uint16_t, kU16)
SMELT_DTYPE_OF(int32_t, kS32)
SMELT_DTYPE_OF(uint32_t, kU32)
SMELT_DTYPE_OF(int64_t, kS64)
SMELT_DTYPE_OF(uint64_t, kU64)
SMELT_DTYPE_OF(bool, kBool)
#undef SMELT_DTYPE_OF

template <class T>
TensorView TensorView::of(std::span<T> elements, Shape shape) {
  TensorView t;
  t.data = const_cast<std::remove_const_t<T>*>(elements.data());
  t.bytes = elements.size_bytes();
  t.dtype = DTypeOf<std::remove_const_t<T>>::value;
  t.shape = shape;
  return t;
}

}  // namespace smelt
