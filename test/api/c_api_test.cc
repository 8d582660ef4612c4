// smelt.h works for a compiler of C11.
#include <gtest/gtest.h>

#include "c_usage.h"
#include "programs.h"

namespace smelt::test {
namespace {

TEST(CApi, RunsAProgram) {
  const AlignedBuffer program = add_program();
  const char* wrong = c_run_add(program.data(), program.size());
  EXPECT_EQ(wrong, nullptr) << wrong;
}

TEST(CApi, ReportsErrors) {
  const AlignedBuffer program = add_program();
  const char* wrong = c_errors(program.data(), program.size());
  EXPECT_EQ(wrong, nullptr) << wrong;
}

}  // namespace
}  // namespace smelt::test
