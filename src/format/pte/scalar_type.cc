#include "format/pte/scalar_type.h"

namespace smelt {

std::optional<DType> to_dtype(pte::ScalarType type) noexcept {
  switch (type) {
    case pte::ScalarType::Byte:
      return DType::kU8;
    case pte::ScalarType::Char:
      return DType::kS8;
    case pte::ScalarType::Short:
      return DType::kS16;
    case pte::ScalarType::Int:
      return DType::kS32;
    case pte::ScalarType::Long:
      return DType::kS64;
    case pte::ScalarType::Half:
      return DType::kF16;
    case pte::ScalarType::Float:
      return DType::kF32;
    case pte::ScalarType::Double:
      return DType::kF64;
    case pte::ScalarType::Bool:
      return DType::kBool;
    case pte::ScalarType::BFloat16:
      return DType::kBF16;
    case pte::ScalarType::ComplexHalf:
      return DType::kC32;
    case pte::ScalarType::ComplexFloat:
      return DType::kC64;
    case pte::ScalarType::ComplexDouble:
      return DType::kC128;
    case pte::ScalarType::UInt16:
      return DType::kU16;
    case pte::ScalarType::UInt32:
      return DType::kU32;
    case pte::ScalarType::UInt64:
      return DType::kU64;
    default:
      return std::nullopt;
  }
}

std::optional<pte::ScalarType> to_scalar_type(DType type) noexcept {
  switch (type) {
    case DType::kF32:
      return pte::ScalarType::Float;
    case DType::kF16:
      return pte::ScalarType::Half;
    case DType::kBF16:
      return pte::ScalarType::BFloat16;
    case DType::kF64:
      return pte::ScalarType::Double;
    case DType::kS8:
      return pte::ScalarType::Char;
    case DType::kU8:
      return pte::ScalarType::Byte;
    case DType::kS16:
      return pte::ScalarType::Short;
    case DType::kU16:
      return pte::ScalarType::UInt16;
    case DType::kS32:
      return pte::ScalarType::Int;
    case DType::kU32:
      return pte::ScalarType::UInt32;
    case DType::kS64:
      return pte::ScalarType::Long;
    case DType::kU64:
      return pte::ScalarType::UInt64;
    case DType::kBool:
      return pte::ScalarType::Bool;
    case DType::kC32:
      return pte::ScalarType::ComplexHalf;
    case DType::kC64:
      return pte::ScalarType::ComplexFloat;
    case DType::kC128:
      return pte::ScalarType::ComplexDouble;
    case DType::kU4:
      break;
  }
  return std::nullopt;
}

}  // namespace smelt
