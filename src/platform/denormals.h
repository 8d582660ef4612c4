// Denormal numbers as zeros.
#pragma once

#include <cstdint>

namespace smelt {

/// While it lives, the arithmetic of this thread takes denormal floats and doubles for zeros, and
/// gives zeros instead of them: x86 multiplies a hundred times slower where one comes up. Then the
/// mode is as it was. May be nested.
///
/// Half precision keeps its denormals, which are ordinary floats to whoever converts them: no
/// conversion instruction looks at this mode on their side, and Arm's half arithmetic has a switch
/// of its own. Those of bfloat16 are those of float.
class FlushDenormals {
 public:
  /// `on` false: as if they were not flushed, even if they were before.
  explicit FlushDenormals(bool on = true) noexcept;
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

  /// Whether this thread flushes them now.
  static bool active() noexcept;

 private:
  uint64_t before_;  ///< the register, as the processor has it
  bool changed_;
};

}  // namespace smelt
