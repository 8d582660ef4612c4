// The canaries notice what they are for.
#include <gtest/gtest.h>

#include "abi_canary.h"
#include "kernel_log.h"

namespace smelt {
namespace {

TEST(AbiCanary, QuietCallsPass) {
  bool called = false;
  EXPECT_EQ(call_with_canaries([&] { called = true; }), "");
  EXPECT_TRUE(called);
}

#if defined(__aarch64__)

// Undeclared on purpose: the compiler must not put things right.
TEST(AbiCanary, SeesRegisters) {
  EXPECT_EQ(call_with_canaries([] { asm volatile("movi v9.16b, #0"); }), "the call has changed d9");
  EXPECT_EQ(call_with_canaries([] { asm volatile("movi v8.16b, #1\n mov x28, #5"); }),
            "the call has changed d8 x28");
}

TEST(AbiCanary, SeesZa) {
  if (!test_cpu().isa.has(Isa::kSme)) GTEST_SKIP() << "sme is not available here";
  EXPECT_EQ(call_with_canaries(
                [] { asm volatile(".arch_extension sme\n smstart za\n .arch_extension nosme"); }),
            "the call has changed ZA");
  asm volatile(".arch_extension sme\n smstop za\n .arch_extension nosme");
  EXPECT_EQ(call_with_live_za([] {}), "");
  EXPECT_EQ(call_with_live_za(
                [] { asm volatile(".arch_extension sme\n zero {za}\n .arch_extension nosme"); }),
            "the call has lost what ZA held");
}

#endif

}  // namespace
}  // namespace smelt
