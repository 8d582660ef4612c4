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

// Writing costs more than reading.
void set(uint64_t switches) noexcept {
  const uint64_t now = read();
  if ((now & kSwitches) != switches) write((now & ~kSwitches) | switches);
}

}  // namespace

FlushDenormals::FlushDenormals(bool on) noexcept : before_(read() & kSwitches) {
  set(on ? kSwitches : 0);
}

FlushDenormals::~FlushDenormals() { set(before_); }

bool FlushDenormals::active() noexcept {
  return kSwitches != 0 && (read() & kSwitches) == kSwitches;
}

}  // namespace smelt
