// What an un-delegated operator is, and what it gets when it is called.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/vector/vector_kernels.h"
#include "platform/cpu.h"
#include "platform/threads.h"
#include "program/evalue.h"
#include "smelt/profile.hpp"

namespace smelt {
class Session;
namespace pte {
struct ExecutionPlan;
struct Operator;
}  // namespace pte
}  // namespace smelt

namespace smelt::program {

/// Temporary memory, freed all at once after each instruction and kept for the next: a second run
/// that asks for the same sizes allocates nothing.
class Scratch {
 public:
  /// Uninitialised, aligned to kAlignment, valid until clear().
  Result<std::byte*> take(size_t bytes);
  template <class T>
  Result<T*> take(size_t count) {
    auto p = take(count * sizeof(T));
    if (!p) return tl::unexpected(std::move(p).error());
    return reinterpret_cast<T*>(*p);
  }
  void clear() {
    for (Chunk& c : chunks_) c.used = 0;
  }

 private:
  struct Chunk {
    AlignedBuffer buffer;
    size_t used = 0;
  };
  std::vector<Chunk> chunks_;
};

/// What an operator keeps between calls of one instruction: a packed matrix, a bound kernel.
class OperatorState {
 public:
  virtual ~OperatorState() = default;
  /// The graph that the operator runs as, if it does.
  virtual const Session* session() const { return nullptr; }
  /// Why there is no such graph, if one was tried.
  virtual std::string_view refusal() const { return {}; }
};

/// What a call that only copies would write: `out` gets the elements of `shape` from `data` on, of
/// which neighbours are `strides` elements apart.
struct Copied {
  Tensor* out;
  const std::byte* data;
  Shape shape, strides;
};

/// How a call came to its result, or will: which kernel computes it.
struct Decision {
  std::string_view kernel;  ///< empty: portable code of the operator's own
  bool made = false;
  bool only = false;  ///< nothing else is asked: the operator returns once it has decided
  std::vector<Copied>* copies = nullptr;  ///< nothing else is asked of an operator that copies
};

/// The arguments of one call. The loader has checked their kinds against the operator's signature,
/// so the accessors do not. Indices count the arguments as ExecuTorch orders them: inputs first,
/// outputs last.
class Arguments {
 public:
  explicit Arguments(std::span<EValue* const> args) : args_(args) {}

  bool has(size_t i) const { return !args_[i]->is_none(); }
  Tensor& tensor(size_t i) const { return *args_[i]->tensor; }
  Tensor* optional_tensor(size_t i) const { return has(i) ? args_[i]->tensor : nullptr; }
  const EValue& scalar(size_t i) const { return *args_[i]; }
  int64_t integer(size_t i) const { return args_[i]->to_int(); }
  double real(size_t i) const { return args_[i]->to_double(); }
  bool boolean(size_t i) const { return args_[i]->to_bool(); }
  int64_t integer_or(size_t i, int64_t v) const { return has(i) ? integer(i) : v; }
  double real_or(size_t i, double v) const { return has(i) ? real(i) : v; }
  bool boolean_or(size_t i, bool v) const { return has(i) ? boolean(i) : v; }
  /// Empty for an absent list.
  std::span<const int64_t> ints(size_t i) const {
    return has(i) ? args_[i]->list->read_ints() : std::span<const int64_t>();
  }
  std::span<const double> doubles(size_t i) const {
    return has(i) ? std::span<const double>(args_[i]->list->doubles) : std::span<const double>();
  }
  std::span<const uint8_t> bools(size_t i) const { return args_[i]->list->bools; }
  std::string_view string(size_t i) const { return *args_[i]->string; }
  size_t list_size(size_t i) const { return args_[i]->list->items.size(); }
  /// Null for an absent item.
  Tensor* list_tensor(size_t i, size_t item) const {
    const EValue* v = args_[i]->list->items[item];
    return v == nullptr || v->is_none() ? nullptr : v->tensor;
  }
  EValue& value(size_t i) const { return *args_[i]; }
  std::span<EValue* const> all() const { return args_; }

 private:
  std::span<EValue* const> args_;
};

/// The arguments of a call that is described: it need not have run.
class DescribedArguments : public Arguments {
 public:
  DescribedArguments(std::span<EValue* const> args, bool ran) : Arguments(args), ran_(ran) {}

  /// Nothing before the first run, where the number is computed while running.
  std::optional<int64_t> known_integer(size_t i) const {
    if (!ran_ && value(i).computed) return std::nullopt;
    return integer(i);
  }

 private:
  bool ran_;
};

/// One call, while it runs.
class Call : public Arguments {
 public:
  Call(std::span<EValue* const> args, ThreadPool& pool, const Cpu& cpu, Scratch& scratch,
       std::unique_ptr<OperatorState>& state, Decision& decision)
      : Arguments(args),
        pool_(pool),
        cpu_(cpu),
        scratch_(scratch),
        state_(state),
        decision_(decision) {}

  ThreadPool& pool() const { return pool_; }
  const Cpu& cpu() const { return cpu_; }
  const VectorKernels& vectors() const { return vector_kernels(cpu_); }
  Scratch& scratch() const { return scratch_; }
  std::unique_ptr<OperatorState>& state() const { return state_; }

  /// Operators with a choice say what they chose before they touch an element. True: the caller
  /// wanted to know just that, and the operator returns.
  bool decided(std::string_view kernel) const {
    decision_.kernel = kernel;
    decision_.made = true;
    return decision_.only;
  }

  /// Where operators that copy say what they would, if the caller wants to know just that.
  std::vector<Copied>* copies() const { return decision_.copies; }

 private:
  ThreadPool& pool_;
  const Cpu& cpu_;
  Scratch& scratch_;
  std::unique_ptr<OperatorState>& state_;
  Decision& decision_;
};

/// An operator: one line of a family's table.
///
/// The signature has a letter per argument; a lower-case letter means that the argument may be
/// absent.
///   T tensor   W tensor that is written   U tensor that is updated in place   X list of tensors Y
///   list of tensors that are written O list of tensors, some absent   S scalar   I integer   D
///   real   B bool   L integers   F reals M bools   Z string   N scalar that is written
struct Operator {
  std::string_view name;  ///< "aten::add.out"
  std::string_view signature;
  Status (*run)(Call&);
  /// Whether it takes tensors in any order of dimensions. Where not, the method hands it row-major
  /// copies.
  bool any_order = false;
  /// Whether the last argument becomes a view of the first: it gets that memory and has none of its
  /// own.
  bool view = false;
  /// Whether the last argument is the first with some elements replaced, and may be computed in its
  /// place.
  bool update = false;
  /// Whether it has a choice of kernels, and calls Call::decided.
  bool chooses = false;
  /// What runs where a tensor is complex. Null: such programs are refused when they are loaded.
  Status (*complex)(Call&) = nullptr;
  /// Whether it only copies elements of its first argument, and asks Call::copies.
  bool copies = false;
  /// What it does to tensors. Most get it from their table, through of_category().
  std::optional<Category> category = {};
  /// Multiply-accumulates of a call: every matrix product has it.
  uint64_t (*macs)(const DescribedArguments&) = nullptr;
  /// Bytes that a call reads and writes, where the rule for its category (traffic.h) does not hold.
  uint64_t (*bytes)(const DescribedArguments&) = nullptr;
  /// The rank of tensors that it also takes with dimension 1, the channels, innermost in memory: if
  /// all of them lie so.
  size_t channels_last_rank = 0;
};

/// An operator with a choice of kernels.
constexpr Operator choosing(Operator op) {
  op.chooses = true;
  return op;
}
/// An operator that moves elements without looking at them: complex ones too.
constexpr Operator moving(Operator op) {
  op.complex = op.run;
  return op;
}
/// An operator that copies elements of its first argument to its result or results.
constexpr Operator copying(Operator op) {
  op.copies = true;
  return moving(op);
}
constexpr Operator with_complex(Operator op, Status (*run)(Call&)) {
  op.complex = run;
  return op;
}

/// An operator whose category is not that of its table.
constexpr Operator in_category(Category category, Operator op) {
  op.category = category;
  return op;
}
/// An operator that is a matrix product, or has some.
constexpr Operator multiplying(uint64_t (*macs)(const DescribedArguments&), Operator op) {
  op.macs = macs;
  return in_category(Category::kMatrixProduct, op);
}
constexpr Operator with_bytes(uint64_t (*bytes)(const DescribedArguments&), Operator op) {
  op.bytes = bytes;
  return op;
}

/// Has no definition: a table that has to call it does not compile.
void a_matrix_product_says_how_many_multiplications_it_has();

/// A family's table: `category` is that of its operators that have none of their own.
template <size_t N>
consteval std::array<Operator, N> of_category(Category category, const Operator (&operators)[N]) {
  std::array<Operator, N> table;
  for (size_t i = 0; i < N; ++i) {
    table[i] = operators[i];
    if (!table[i].category) table[i].category = category;
    if (table[i].category == Category::kMatrixProduct && table[i].macs == nullptr)
      a_matrix_product_says_how_many_multiplications_it_has();
  }
  return table;
}

/// Null if there is no such operator.
const Operator* find_operator(std::string_view name);

/// An operator's name as the tables have it: with its overload.
std::string full_name(const pte::Operator&);
/// The operators of a plan in its order; null where there is none.
std::vector<const Operator*> find_operators(const pte::ExecutionPlan&);

/// All operators, in the order of their tables.
std::vector<const Operator*> all_operators();

// One table per family, each in operators/<family>.cc.
std::span<const Operator> prim_operators();
std::span<const Operator> unary_operators();
std::span<const Operator> binary_operators();
std::span<const Operator> creation_operators();
std::span<const Operator> copy_operators();
std::span<const Operator> view_operators();
std::span<const Operator> slice_operators();
std::span<const Operator> rearrange_operators();
std::span<const Operator> index_operators();
std::span<const Operator> reduction_operators();
std::span<const Operator> scan_operators();
std::span<const Operator> ordering_operators();
std::span<const Operator> fft_operators();
std::span<const Operator> embedding_bag_operators();
std::span<const Operator> scatter_operators();
std::span<const Operator> special_operators();
std::span<const Operator> resize_operators();
std::span<const Operator> delta_rule_operators();
std::span<const Operator> matmul_operators();
std::span<const Operator> convolution_operators();
std::span<const Operator> norm_operators();
std::span<const Operator> pool_operators();
std::span<const Operator> pad_operators();
std::span<const Operator> resample_operators();
std::span<const Operator> distance_operators();
std::span<const Operator> quantize_operators();
std::span<const Operator> llm_operators();

}  // namespace smelt::program
