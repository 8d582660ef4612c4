#include "abi_canary.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "kernel_log.h"

#if defined(__aarch64__)

// Registers hold their own number in every byte when f is called; what they hold afterwards goes to
// `after`.
//   void smelt_canary_call(void (*f)(const void*), const void* argument, uint64_t after[18]);
asm(R"(
  .text
  .global smelt_canary_call
  .type smelt_canary_call, %function
smelt_canary_call:
  stp x29, x30, [sp, #-176]!
  mov x29, sp
  stp x19, x20, [sp, #16]
  stp x21, x22, [sp, #32]
  stp x23, x24, [sp, #48]
  stp x25, x26, [sp, #64]
  stp x27, x28, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  str x2, [sp, #160]
  mov x9, x0
  mov x0, x1
  movi v8.16b, #8
  movi v9.16b, #9
  movi v10.16b, #10
  movi v11.16b, #11
  movi v12.16b, #12
  movi v13.16b, #13
  movi v14.16b, #14
  movi v15.16b, #15
  mov x10, #0x0101010101010101
  mov x11, #19
  mul x19, x10, x11
  add x20, x19, x10
  add x21, x20, x10
  add x22, x21, x10
  add x23, x22, x10
  add x24, x23, x10
  add x25, x24, x10
  add x26, x25, x10
  add x27, x26, x10
  add x28, x27, x10
  blr x9
  ldr x2, [sp, #160]
  stp d8, d9, [x2]
  stp d10, d11, [x2, #16]
  stp d12, d13, [x2, #32]
  stp d14, d15, [x2, #48]
  stp x19, x20, [x2, #64]
  stp x21, x22, [x2, #80]
  stp x23, x24, [x2, #96]
  stp x25, x26, [x2, #112]
  stp x27, x28, [x2, #128]
  ldp x19, x20, [sp, #16]
  ldp x21, x22, [sp, #32]
  ldp x23, x24, [sp, #48]
  ldp x25, x26, [sp, #64]
  ldp x27, x28, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  ldp x29, x30, [sp], #176
  ret
  .size smelt_canary_call, . - smelt_canary_call

// ZA is on and holds `before` while f is called; `block` tells f where to save it. Afterwards
// `after` is what the caller finds:
// ZA itself, or what was saved, which is where `block` points.
//   void smelt_live_za_call(void (*f)(const void*), const void* argument, const void* before,
//                           void* after, const void* block);
  .arch_extension sme
  .global smelt_live_za_call
  .type smelt_live_za_call, %function
smelt_live_za_call:
  stp x29, x30, [sp, #-48]!
  mov x29, sp
  stp x3, x19, [sp, #16]
  mov x9, x0
  mov x0, x1
  rdsvl x10, #1
  smstart za
  mov w12, #0
1:
  ldr za[w12, 0], [x2]
  add x2, x2, x10
  add w12, w12, #1
  cmp w12, w10
  b.lo 1b
  msr TPIDR2_EL0, x4
  blr x9
  mrs x9, TPIDR2_EL0
  ldp x3, x19, [sp, #16]
  cbz x9, 3f
  rdsvl x10, #1
  mov w12, #0
2:
  str za[w12, 0], [x3]
  add x3, x3, x10
  add w12, w12, #1
  cmp w12, w10
  b.lo 2b
3:
  msr TPIDR2_EL0, xzr
  smstop za
  ldp x29, x30, [sp], #48
  ret
  .size smelt_live_za_call, . - smelt_live_za_call
  .arch_extension nosme
)");

extern "C" void smelt_canary_call(void (*f)(const void*), const void* argument, uint64_t* after);
extern "C" void smelt_live_za_call(void (*f)(const void*), const void* argument, const void* before,
                                   void* after, const void* block);

namespace smelt {

namespace {

void call(const void* f) { (*static_cast<const std::function<void()>*>(f))(); }

uint64_t svcr() {
  uint64_t value;
  asm volatile("mrs %0, s3_3_c4_c2_2" : "=r"(value));
  return value;
}

}  // namespace

std::string call_with_canaries(const std::function<void()>& f) {
  uint64_t after[18];
  smelt_canary_call(call, &f, after);
  std::string changed;
  for (uint64_t i = 0; i < 18; ++i) {
    const uint64_t number = i < 8 ? 8 + i : 19 + i - 8;
    if (after[i] != number * 0x0101010101010101)
      changed += (i < 8 ? " d" : " x") + std::to_string(number);
  }
  if (test_cpu().isa.has(Isa::kSme)) {
    if ((svcr() & 1) != 0) changed += " streaming mode";
    if ((svcr() & 2) != 0) changed += " ZA";
  }
  return changed.empty() ? changed : "the call has changed" + changed;
}

std::string call_with_live_za(const std::function<void()>& f) {
  const size_t svl = test_cpu().sme_vl32 * 4;
  std::vector<uint8_t> before(svl * svl), after(svl * svl);
  for (size_t i = 0; i < before.size(); ++i) before[i] = uint8_t(i * 7 + i / svl);
  // The procedure call standard's TPIDR2 block: where to save, how many slices, zeros.
  struct alignas(16) Block {
    void* buffer;
    uint16_t slices;
    uint8_t zeros[6];
  } const block{after.data(), uint16_t(svl), {}};
  smelt_live_za_call(call, &f, before.data(), after.data(), &block);
  return before == after ? "" : "the call has lost what ZA held";
}

}  // namespace smelt

#else

namespace smelt {

std::string call_with_canaries(const std::function<void()>& f) {
  f();
  return {};
}
std::string call_with_live_za(const std::function<void()>& f) {
  f();
  return {};
}

}  // namespace smelt

#endif

namespace smelt {

std::string call_in_every_state(const std::function<void()>& f) {
  std::string changed = call_with_canaries(f);
  if (changed.empty() && test_cpu().isa.has(Isa::kSme)) changed = call_with_live_za(f);
  return changed;
}

}  // namespace smelt
