#include "platform/denormals.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace smelt {
namespace {

// The register has flags and the rounding mode besides; those are nobody's business here.
#if defined(__x86_64__)

constexpr uint64_t kSwitches = 0x8040;  // flush to zero, denormals are zeros
uint64_t read() noexcept { return _mm_getcsr(); }
void write(uint64_t value) noexcept { _mm_setcsr(unsigned(value)); }

#elif defined(__aarch64__)

constexpr uint64_t kSwitches = uint64_t(1) << 24;  // FZ; not bit 19, which is that of halves
uint64_t read() noexcept {
  uint64_t value;
  asm volatile("mrs %0, fpcr" : "=r"(value));
  return value;
}
void write(uint64_t value) noexcept { asm volatile("msr fpcr, %0" ::"r"(value) : "memory"); }

#else

constexpr uint64_t kSwitches = 0;
uint64_t read() noexcept { return 0; }
void write(uint64_t) noexcept {}

#endif

}  // namespace

// Writing costs more than reading, and what is nested in another has nothing to do.
FlushDenormals::FlushDenormals(bool on) noexcept : before_(read()) {
  const uint64_t wanted = (before_ & ~kSwitches) | (on ? kSwitches : 0);
  changed_ = wanted != before_;
  if (changed_) write(wanted);
}

FlushDenormals::~FlushDenormals() {
  if (changed_) write((read() & ~kSwitches) | (before_ & kSwitches));
}

bool FlushDenormals::active() noexcept {
  return kSwitches != 0 && (read() & kSwitches) == kSwitches;
}

}  // namespace smelt
