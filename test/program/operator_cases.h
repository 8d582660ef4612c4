// The table of operator tests: every registered operator has an entry that compares it with a
// reference of its own, over types and shapes.
#pragma once

#include <cmath>
#include <cstdlib>
#include <limits>
#include <span>
#include <string>

#include <gtest/gtest.h>

#include "support/operator_program.h"

namespace smelt::program::testing {

using smelt::testing::Array;
using smelt::testing::for_each_index;
using smelt::testing::OperatorProgram;
using smelt::testing::real_type;
using smelt::testing::stored;
using smelt::testing::Values;
using Index = std::vector<int64_t>;

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInf = std::numeric_limits<double>::infinity();

// The types of ExecuTorch's portable kernels.
inline constexpr DType kFloats[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kF64};
inline constexpr DType kIntegers[] = {DType::kU8, DType::kS8, DType::kS16, DType::kS32,
                                      DType::kS64};
inline constexpr DType kReals[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kF64, DType::kU8,
                                   DType::kS8,  DType::kS16, DType::kS32,  DType::kS64};
inline constexpr DType kRealsAndBool[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kF64,
                                          DType::kU8,  DType::kS8,  DType::kS16,  DType::kS32,
                                          DType::kS64, DType::kBool};
inline constexpr DType kIntegersAndBool[] = {DType::kU8,  DType::kS8,  DType::kS16,
                                             DType::kS32, DType::kS64, DType::kBool};
/// What moves elements unseen takes these as well.
inline constexpr DType kAllTypes[] = {
    DType::kF32, DType::kF16, DType::kBF16, DType::kF64, DType::kU8,  DType::kS8, DType::kS16,
    DType::kS32, DType::kS64, DType::kBool, DType::kU16, DType::kU32, DType::kU64};

/// How far results of a type may be from the reference, which computes in double: a few roundings.
inline double tolerance(DType t) {
  switch (t) {
    case DType::kF64:
    case DType::kC128:
      return 1e-12;
    case DType::kF32:
    case DType::kC64:
      return 4e-6;
    case DType::kF16:
    case DType::kC32:
      return 2e-3;
    case DType::kBF16:
      return 1.6e-2;
    default:
      return 0;
  }
}

inline bool emulated() { return std::getenv("SMELT_EMULATED") != nullptr; }

/// The operator under test. Counts what was compared: an entry that compares nothing proves
/// nothing.
class Subject {
 public:
  explicit Subject(std::string_view name) : name_(name) {}
  std::string_view name() const { return name_; }
  OperatorProgram call() const { return OperatorProgram(name_); }
  size_t compared() const { return compared_; }

  /// `scale` widens the tolerance, where a reference has more roundings than most.
  void expect(const Array& got, const Array& wanted, double scale = 1) {
    ++compared_;
    if (got.type != wanted.type || !(got.shape == wanted.shape) ||
        got.v.size() != wanted.v.size()) {
      ADD_FAILURE() << name_ << ": " << smelt::name(got.type) << " " << to_string(got.shape)
                    << ", expected " << smelt::name(wanted.type) << " " << to_string(wanted.shape);
      return;
    }
    const double allowed = tolerance(got.type) * scale;
    for (size_t i = 0; i < got.v.size(); ++i) {
      const double a = got.v[i], b = wanted.v[i];
      const bool same = a == b || (std::isnan(a) && std::isnan(b)) ||
                        std::abs(a - b) <= allowed * std::max(1.0, std::abs(b));
      if (!same) {
        ADD_FAILURE() << name_ << ": " << smelt::name(got.type) << " " << to_string(got.shape)
                      << " at " << i << ": " << a << ", expected " << b;
        return;
      }
    }
  }
  /// Runs a call and compares its first output.
  void expect(OperatorProgram& call, const Array& wanted, double scale = 1) {
    expect(call(), wanted, scale);
  }
  /// A call that has to be refused.
  void refuse(OperatorProgram& call) {
    ++compared_;
    EXPECT_FALSE(call.run()) << name_;
  }

 private:
  std::string_view name_;
  size_t compared_ = 0;
};

struct OperatorCase {
  std::string_view name;
  void (*check)(Subject&);
};

std::span<const OperatorCase> elementwise_cases();
std::span<const OperatorCase> movement_cases();
std::span<const OperatorCase> reduction_cases();
std::span<const OperatorCase> ordering_cases();
std::span<const OperatorCase> fft_cases();
std::span<const OperatorCase> volume_pool_cases();
std::span<const OperatorCase> scatter_cases();
std::span<const OperatorCase> special_cases();
std::span<const OperatorCase> resize_cases();
std::span<const OperatorCase> delta_rule_cases();
std::span<const OperatorCase> compute_cases();
std::span<const OperatorCase> prim_cases();

/// Small numbers of both signs that all types but bool and unsigned ones hold: multiples of 1/4.
inline Array sample(DType t, const Shape& shape, size_t seed = 0) {
  return Array::make(t, shape, [&](size_t i) {
    const auto k = int64_t((i * 7 + seed * 5 + i / 11) % 29) - 14;
    return t == DType::kBool ? double(k % 3 != 0)
           : real_type(t)    ? double(k) / 4
           : t == DType::kU8 || t == DType::kU16 || t == DType::kU32 || t == DType::kU64
               ? double(k + 14)
               : double(k);
  });
}

/// PyTorch's table of promoted types, written out.
DType promoted(DType, DType);

}  // namespace smelt::program::testing
