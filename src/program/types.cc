#include "program/types.h"

#include <utility>

namespace smelt::program {

DType promote(DType a, DType b) {
  if (a == b || b == DType::kBool) return a;
  if (a == DType::kBool) return b;
  if (is_float(a) != is_float(b)) return is_float(a) ? a : b;
  if (is_float(a)) {
    if (a == DType::kF64 || b == DType::kF64) return DType::kF64;
    return DType::kF32;  // float16 and bfloat16 hold nothing of each other
  }
  const auto is_signed = [](DType t) {
    return t == DType::kS8 || t == DType::kS16 || t == DType::kS32 || t == DType::kS64;
  };
  if (bits(a) < bits(b)) std::swap(a, b);
  if (is_signed(a) == is_signed(b) || (is_signed(a) && bits(a) > bits(b))) return a;
  // The next larger signed type; PyTorch has rules for uint8 only.
  return bits(a) == 8 ? DType::kS16 : bits(a) == 16 ? DType::kS32 : DType::kS64;
}

void CommonType::add(const EValue& number) {
  const DType t = number.kind == Kind::kInt      ? DType::kS64
                  : number.kind == Kind::kDouble ? DType::kF32
                                                 : DType::kBool;
  add(number_, t);
}

CommonType::Rank CommonType::combine(const Rank& higher, const Rank& lower) {
  if (!higher.any) return lower;
  if (!lower.any || is_float(higher.type)) return higher;
  if (higher.type == DType::kBool || is_float(lower.type)) {
    return {true, promote(higher.type, lower.type)};
  }
  return higher;
}

DType CommonType::get() const { return combine(dims_, combine(zero_dim_, number_)).type; }

}  // namespace smelt::program
