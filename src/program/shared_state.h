// State that the methods of a program have in common: a cache that one method fills and another
// reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "base/status.h"
#include "platform/memory.h"

namespace smelt::program {

struct ProgramSource;

/// What a tensor holds at first.
struct InitialValue {
  std::byte* to;
  std::span<const std::byte> bytes;
};
void write(std::span<const InitialValue>);

/// The memory of such state. It lives as long as the program, and is nobody's while no method of it
/// runs: of the methods that have a part in it, one runs at a time.
///
/// The format has no word for it. An exporter that is asked to share puts mutable buffers, and
/// nothing else, into a buffer of their own, which has this number in every method; each of them
/// lies at the same place in each method. A plan of memory that has a second buffer for other
/// reasons has a tensor in it that is an input, or is computed before it is read, or lies across
/// another method's. Then each method has that buffer for itself.
class SharedState {
 public:
  static constexpr uint32_t kMemoryId = 2;

  /// Empty if the program's methods share nothing. The first call makes it, with its first values;
  /// may be called by several threads. kOutOfMemory, and what is wrong with the first values.
  Result<std::span<std::byte>> memory(const ProgramSource&);
  /// Puts it back to its first values.
  void reset();

 private:
  Status build(const ProgramSource&);

  std::mutex mutex_;  // guards the making
  bool made_ = false;
  AlignedBuffer memory_;
  std::vector<InitialValue> initial_;
};

}  // namespace smelt::program
