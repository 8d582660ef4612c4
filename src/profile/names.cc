#include "smelt/profile.hpp"

namespace smelt {

std::string_view name(Unit unit) noexcept {
  switch (unit) {
    case Unit::kNone:
      return "none";
    case Unit::kPlain:
      return "plain";
    case Unit::kSimd:
      return "simd";
    case Unit::kMatrix:
      break;
  }
  return "matrix";
}

std::string_view name(Delegable delegable) noexcept {
  constexpr std::string_view kNames[] = {"never", "not as it is", "yes"};
  return kNames[size_t(delegable)];
}

std::string_view name(Category category) noexcept {
  switch (category) {
    case Category::kMatrixProduct:
      return "matrix product";
    case Category::kElementwise:
      return "element-wise";
    case Category::kDataMovement:
      return "data movement";
    case Category::kControl:
      break;
  }
  return "control";
}

}  // namespace smelt
