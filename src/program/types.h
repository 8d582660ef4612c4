// Which type a result has: PyTorch's promotion rules.
#pragma once

#include "program/block.h"
#include "program/evalue.h"

namespace smelt::program {

inline bool is_float(DType t) {
  return t == DType::kF32 || t == DType::kF16 || t == DType::kBF16 || t == DType::kF64;
}
inline bool is_complex(DType t) {
  return t == DType::kC32 || t == DType::kC64 || t == DType::kC128;
}
/// What a complex number is a pair of.
inline DType part_of(DType t) {
  return t == DType::kC32 ? DType::kF16 : t == DType::kC64 ? DType::kF32 : DType::kF64;
}
/// Integers, bool not included.
inline bool is_integer(DType t) { return !is_float(t) && !is_complex(t) && t != DType::kBool; }

/// The smaller type that holds both (for floats; integers and floats give the float).
DType promote(DType, DType);

/// Finds the common type of operands. Tensors with dimensions outrank those without, which outrank
/// plain numbers; a lower rank counts only where it brings a higher category (bool < integer <
/// float).
class CommonType {
 public:
  void add(const Tensor& t) { add(t.rank() > 0 ? dims_ : zero_dim_, t.dtype); }
  void add(const EValue& number);
  DType get() const;

 private:
  struct Rank {
    bool any = false;
    DType type = DType::kBool;
  };
  static void add(Rank& r, DType t) {
    r.type = r.any ? promote(r.type, t) : t;
    r.any = true;
  }
  static Rank combine(const Rank& higher, const Rank& lower);
  Rank dims_, zero_dim_, number_;
};

/// A plain number in the computing type.
template <class C>
C number(const EValue& v) {
  if constexpr (std::is_same_v<C, int64_t>) {
    return v.to_int();
  } else {
    return C(v.to_double());
  }
}

}  // namespace smelt::program
