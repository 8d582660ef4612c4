// What a CPU can do, as a value: filled once, passed down, never a global.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "platform/isa.h"

namespace smelt {

/// Lower-case name: "avx512vnni", "neondot", "sme2".
std::string_view name(Isa) noexcept;

class IsaSet {
 public:
  constexpr IsaSet() = default;
  [[nodiscard]] constexpr IsaSet with(Isa i) const { return IsaSet(bits_ | 1u << unsigned(i)); }
  [[nodiscard]] constexpr IsaSet without(Isa i) const {
    return IsaSet((bits_ & ~(1u << unsigned(i))) | 1u);
  }
  constexpr bool has(Isa i) const { return (bits_ >> unsigned(i) & 1u) != 0; }
  [[nodiscard]] constexpr IsaSet operator&(IsaSet o) const {
    return IsaSet((bits_ & o.bits_) | 1u);
  }
  friend constexpr bool operator==(IsaSet, IsaSet) = default;

 private:
  constexpr explicit IsaSet(uint32_t bits) : bits_(bits) {}
  uint32_t bits_ = 1;  // kScalar
};

struct Cpu {
  std::string name = "this machine";
  bool described = false;  ///< not this machine: plans for it can be looked at, not run
  IsaSet isa;              ///< built, and detected (or described), and not masked
  uint32_t sme_vl32 = 0;   ///< 32-bit lanes of a streaming vector; 0 without SME
  uint32_t l1d_bytes = 32u << 10;
  uint32_t l2_bytes = 1u << 20;
  uint32_t cores = 1;
  uint32_t sme_units = 0;  ///< matrix units, which may be shared by several cores

  /// How many of a pool's workers kernels of a tier keep busy.
  unsigned workers_for(Isa tier, unsigned workers) const {
    const bool matrix_unit = tier == Isa::kSme || tier == Isa::kSme2;
    return matrix_unit && sme_units != 0 && sme_units < workers ? sme_units : workers;
  }

  /// The machine that this process runs on. `mask` is a comma-separated list of tiers to keep (the
  /// value of the environment variable SMELT_ISA); empty keeps all. A name that is no tier is an
  /// error, and so is a list of which this machine has nothing but kScalar, if it names others.
  /// kScalar is always kept.
  static Result<Cpu> detect(std::string_view mask = {});

  /// A CPU by name: "apple-m4", "neoverse-n1", "x86-64-v3". kInvalidArgument lists those that are
  /// known.
  static Result<Cpu> describe(std::string_view name);
  static std::vector<std::string_view> described_names();
};

/// Parses a comma-separated list of tier names.
Result<IsaSet> parse_isa_list(std::string_view list);

}  // namespace smelt
