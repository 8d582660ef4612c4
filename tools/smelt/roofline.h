// How fast this machine can be: what a node's speed is held against.
#pragma once

#include <array>
#include <string_view>

#include <nlohmann/json.hpp>

#include "smelt/smelt.hpp"

namespace smelt::cli {

/// What a product computes in.
enum class Arithmetic : uint8_t { kFloat32, kFloat16, kInt8, kOther };

std::string_view name(Arithmetic);
/// Of a StepInfo::variant: "qp8_f32_qb4w" computes in int8.
Arithmetic arithmetic_of(std::string_view variant);

/// The roofs of this machine, with as many threads as a profile had. Zero: not measured.
struct Roofs {
  /// 1e9 operations per second of a product whose operands stay in the caches, two per
  /// multiply-accumulate.
  std::array<double, 3> gops{};
  /// What copies within `bytes` read and write, 1e9 bytes per second.
  struct Level {
    std::string_view name;
    size_t bytes = 0;  ///< what the caches in use hold together
    double gbytes = 0;
    bool reached = false;  ///< not by copies: a step of the profile was faster
  };
  /// From the fastest on; the last has no bound. What is not in an L2 cache may be in another cache
  /// or in memory: steps that find their bytes in a cache lift that roof.
  std::array<Level, 3> levels = {{{"L1 caches"}, {"L2 caches"}, {"beyond L2", SIZE_MAX}}};

  /// Which level holds the bytes that a step moves: an index.
  size_t level_of(const StepInfo&) const;

  /// Seconds that a step needs at least: its arithmetic, or moving its bytes. 0 where neither is
  /// known.
  double least_seconds(const StepInfo&) const;
};

/// Measures what the steps of a profile need: about 20 ms for each kind of arithmetic, and as much
/// for memory. No roof is lower than what a step of the profile has reached.
Roofs measure_roofs(const Profile&);

nlohmann::ordered_json to_json(const Roofs&);

}  // namespace smelt::cli
