// A program file, opened and proven safe to read.
//
// open() and parse() check everything that can be checked without running: the flatbuffer, every
// index, every size, every segment. Whoever holds a ProgramFile may follow any reference in it
// without checking again:
//   - execution_plan, values, inputs, outputs, chains, instructions, operators, delegates and all
//   strings, lists and unions
//     that the format requires are present (an absent list of operators, delegates, inputs, outputs
//     or arguments may still be null, and means empty);
//   - argument indices, operator and delegate indices, list items and jump destinations are in
//   range; items of an IntList
//     are Ints, of a TensorList Tensors, of an OptionalTensorList Tensors or Nulls or -1; the
//     condition of a jump is a Bool or a Tensor; a jump may go one past the last instruction, which
//     ends the chain;
//   - tensors have a rank of at most kMaxRank, extents of at least 0, a dim_order that is a
//   permutation, and a size in
//     bytes that fits ptrdiff_t; planned ones lie inside their buffer, constants and first values
//     inside their segment, aligned to their element.
// What is sound but not supported is found by check_supported, for the method that is to run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "format/named_data.h"
#include "format/pte/scalar_type.h"
#include "platform/memory.h"
#include "program_generated.h"
#include "smelt/shape.hpp"

namespace smelt {

/// Where a tensor's memory is, and what is in it at first.
struct TensorStorage {
  enum class Kind : uint8_t {
    kUnplanned,  ///< the caller's memory, or what an operator allocates when it knows the shape
    kPlanned,    ///< non_const_buffer_sizes[memory_id], from `offset` on
    kConstant,
  };
  Kind kind = Kind::kUnplanned;
  uint32_t memory_id = 0;
  uint64_t offset = 0;
  /// kConstant: the contents. kPlanned: the first value, empty if there is none. Exactly as long as
  /// the tensor.
  std::span<const std::byte> bytes;
  /// Not empty: `bytes` is empty, and the contents are in an external data file under this name.
  std::string_view external_name;
};

/// Movable; what it hands out stays valid for as long as the object (or what it was moved to)
/// lives. Immutable: may be used by several threads at once.
class ProgramFile {
 public:
  /// Maps the file: a program, or a bundled program, whose test cases do not matter here. kNotFound,
  /// kIo, kInvalidFile.
  static Result<ProgramFile> open(const std::filesystem::path&);
  /// Reads a program in the caller's memory, which outlives this object. `bytes` is aligned to 16
  /// (kInvalidArgument); `name` stands for the file in messages.
  static Result<ProgramFile> parse(std::span<const std::byte> bytes, std::string name);

  const std::string& name() const { return name_; }
  std::span<const std::byte> bytes() const { return bytes_; }
  const pte::Program& program() const { return *program_; }
  /// Bytes of the flatbuffer, and where segments start; 0 if there are none.
  uint64_t program_size() const { return program_size_; }
  uint64_t segment_base() const { return segment_base_; }

  size_t plan_count() const { return program_->execution_plan()->size(); }
  const pte::ExecutionPlan& plan(size_t i) const {
    return *program_->execution_plan()->Get(flatbuffers::uoffset_t(i));
  }
  /// kNotFound lists the methods that there are.
  Result<const pte::ExecutionPlan*> find_plan(std::string_view method) const;

  /// kUnsupported if the method uses what Smelt does not have: another backend than XNNPACK,
  /// another device than the CPU, an element type without a DType.
  Status check_supported(const pte::ExecutionPlan&) const;

  size_t segment_count() const;
  std::span<const std::byte> segment(size_t i) const;
  const NamedDataMap& named_data() const { return named_data_; }
  std::span<const std::byte> delegate_payload(const pte::BackendDelegate&) const;
  /// For tensors of this file whose type has a DType.
  TensorStorage storage(const pte::Tensor&) const;

 private:
  ProgramFile() = default;
  /// Of a bundled program, what is inside.
  Status unwrap();
  Status read();

  MappedFile file_;
  AlignedBuffer aligned_;  ///< a program that lies askew in its bundle
  std::string name_;
  std::span<const std::byte> bytes_;
  const pte::Program* program_ = nullptr;
  uint64_t program_size_ = 0, segment_base_ = 0;
  NamedDataMap named_data_;
};

/// The extents of a tensor: upper bounds where they are dynamic.
Shape shape(const pte::Tensor&);

/// The name of a value's type as the format spells it: "Tensor", "IntList".
std::string_view type_name(const pte::EValue&);

}  // namespace smelt
