// What the instructions of a method work on: tensors with memory and shape, scalars, lists of
// either.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "platform/memory.h"
#include "smelt/smelt.hpp"
#include "tensor/shape.h"

namespace smelt::pte {
struct Tensor;
}

namespace smelt::program {

/// Bytes per element. kU4 never occurs outside packed weights.
inline size_t element_size(DType t) { return bits(t) / 8; }

/// The dimensions of a tensor, outermost in memory first.
using DimOrder = std::array<uint8_t, kMaxRank>;

/// Whether both orders lay out a tensor of this shape alike: it does not matter where they have a
/// dimension of one element.
bool same_layout(const Shape&, const DimOrder&, const DimOrder&);

/// A dense tensor of a method. Operators give it its shape with resize(); where its elements live
/// was decided at load, but for tensors without a bound on their shape, which own memory that
/// grows.
struct Tensor {
  std::byte* data = nullptr;
  DType dtype = DType::kF32;
  Dynamism dynamism = Dynamism::kStatic;
  bool row_major = true;  ///< dim_order is 0, 1, 2, …
  bool constant = false;  ///< the elements never change and live as long as the program
  Shape shape;
  Shape strides;  ///< in elements
  Shape bound;    ///< kBounded: the largest extents
  DimOrder dim_order = {};
  size_t capacity = 0;  ///< bytes at `data`
  AlignedBuffer owned;  ///< kUnbounded: what `data` points to
  /// A result that is copied there, in another order, takes only the shapes that the other takes.
  const Tensor* copy_of = nullptr;

  size_t rank() const { return shape.rank(); }
  size_t numel() const { return shape.numel(); }
  size_t bytes() const { return shape.numel() * element_size(dtype); }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(data);
  }

  /// Sets shape and strides. A static tensor takes only the shape it has; a bounded one any within
  /// its bounds; an unbounded one anything. kInvalidFile says what was expected.
  Status resize(const Shape& wanted) {
    if (wanted == shape) [[likely]]
      return {};
    return resize_slow(wanted);
  }
  /// Whether resize() would take a shape, given memory: what it would say otherwise. Asked before
  /// work that depends on the shape.
  Status check_shape(const Shape& wanted) const;
  /// Takes type, dynamism, bounds and order from a file's tensor; has no memory yet.
  void declare(const pte::Tensor&);
  /// Computes strides from shape and dim_order.
  void set_strides();
  /// Sets the order of the dimensions to that of the shape.
  void set_row_major();
  /// Whether an order lays it out as its own does, in all shapes that it takes.
  bool lies_in(const DimOrder&) const;
  /// Whether dimension 1 is the innermost in memory and the others are in order, in all shapes that
  /// the tensor takes.
  bool channels_last() const;
  /// Whether a dimension has one element in all shapes that the tensor takes.
  bool always_one(size_t d) const {
    return dynamism == Dynamism::kStatic    ? shape[d] == 1
           : dynamism == Dynamism::kBounded ? bound[d] == 1
                                            : false;
  }
  /// dim_order as a shape's worth of numbers.
  Shape order() const {
    Shape s = shape;
    for (size_t d = 0; d < rank(); ++d) s[d] = dim_order[d];
    return s;
  }

 private:
  Status resize_slow(const Shape& wanted);
};

/// Whether two stretches of memory have a byte in common.
inline bool overlap(const std::byte* a, size_t a_bytes, const std::byte* b, size_t b_bytes) {
  const auto x = reinterpret_cast<uintptr_t>(a), y = reinterpret_cast<uintptr_t>(b);
  return x < y + b_bytes && y < x + a_bytes;
}

enum class Kind : uint8_t {
  kNone,
  kTensor,
  kInt,
  kDouble,
  kBool,
  kString,
  kIntList,
  kDoubleList,
  kBoolList,
  kTensorList,  ///< items may be absent
};
std::string_view name(Kind) noexcept;

struct List;

/// A value of a method. Copying copies the reference to a tensor or list, not its elements.
struct EValue {
  Kind kind = Kind::kNone;
  bool computed = false;  ///< a number that an instruction or the caller gives
  union {
    int64_t integer = 0;
    double real;
    bool boolean;
    Tensor* tensor;
    List* list;
    const std::string_view* string;
  };

  bool is_none() const { return kind == Kind::kNone; }
  bool is_scalar() const {
    return kind == Kind::kInt || kind == Kind::kDouble || kind == Kind::kBool;
  }
  /// Scalars convert as Python's do. Doubles that no int64 holds become 0.
  int64_t to_int() const;
  double to_double() const;
  bool to_bool() const;

  void set(int64_t v) { kind = Kind::kInt, integer = v; }
  void set(double v) { kind = Kind::kDouble, real = v; }
  void set(bool v) { kind = Kind::kBool, boolean = v; }
};

/// Elements of a list value. Integers and tensors are values of the method, read anew at each use.
struct List {
  std::vector<const EValue*> items;  ///< kIntList, kTensorList; null: an absent tensor
  std::vector<int64_t> ints;         ///< kIntList: room for the integers of the items
  std::vector<double> doubles;
  std::vector<uint8_t> bools;

  /// The integers as they are now.
  std::span<const int64_t> read_ints() {
    for (size_t i = 0; i < items.size(); ++i) ints[i] = items[i]->to_int();
    return ints;
  }
};

}  // namespace smelt::program
