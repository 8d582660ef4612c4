// Rows that are read together: lengths and numbers of rows about those of the stretches.
#include <gtest/gtest.h>

#include "operator_call.h"

namespace smelt::program::testing {
namespace {

/// Small enough for every type, and sums of 600 that float16 holds.
Values pattern(size_t n) {
  Values v(n);
  for (size_t i = 0; i < n; ++i) v[i] = double(i * 2654435761u % 8);
  return v;
}

TEST(Rows, ShortOnesAreReadTogether) {
  constexpr int64_t kLengths[] = {1, 2, 12, 31, 32, 33, 170, 255, 256, 257, 511, 512, 513};
  for (const DType t : {DType::kF16, DType::kBF16, DType::kF32, DType::kU8, DType::kS32}) {
    const bool real = t != DType::kU8 && t != DType::kS32;
    for (const int64_t n : kLengths) {
      for (const int64_t rows : {1, 2, 3, 15, 16, 17, 43, 85}) {
        const Values x = pattern(size_t(rows * n));
        Values sums, running;
        for (int64_t r = 0; r < rows; ++r) {
          double total = 0;
          for (int64_t i = 0; i < n; ++i) running.push_back(total += x[size_t(r * n + i)]);
          sums.push_back(total);
        }
        const DType wide = real ? DType::kF32 : DType::kS64;
        OperatorCall sum("aten::sum.IntList_out"), scan("aten::cumsum.out");
        sum.tensor(t, {rows, n}, x).ints({1}).boolean(false).none().out(wide);
        scan.tensor(t, {rows, n}, x).integer(1).none().out(wide);
        EXPECT_EQ(sum(), sums) << name(t) << " " << rows << " rows of " << n;
        EXPECT_EQ(scan(), running) << name(t) << " " << rows << " rows of " << n;
      }
    }
  }
}

TEST(Rows, RunningSumsDownColumns) {
  for (const DType t : {DType::kF32, DType::kF16, DType::kBF16, DType::kF64, DType::kU8}) {
    const DType wide = t == DType::kU8 ? DType::kS64 : t == DType::kF64 ? t : DType::kF32;
    for (const int64_t inner : {1, 7, 8, 9, 31, 33, 255, 256, 257, 600}) {
      for (const int64_t n : {1, 2, 17}) {
        constexpr int64_t kOuter = 3;
        const Values x = pattern(size_t(kOuter * n * inner));
        Values running = x;
        for (size_t i = 0; i < x.size(); ++i) {
          const bool first = int64_t(i) / inner % n == 0;
          if (!first) running[i] += running[i - size_t(inner)];
        }
        OperatorCall scan("aten::cumsum.out"), narrow("aten::cumsum.out");
        scan.tensor(t, {kOuter, n, inner}, x).integer(-2).none().out(wide);
        narrow.tensor(t, {kOuter, n, inner}, x).integer(1).none().out(t);
        EXPECT_EQ(scan(), running) << name(t) << " " << n << " rows of " << inner;
        EXPECT_EQ(narrow(), running) << name(t) << " " << n << " rows of " << inner;
      }
    }
  }
  OperatorCall large("aten::cumsum.out");  // enough for more than one worker
  large.tensor(DType::kF16, {40, 2000}, Values(size_t(40 * 2000), 1.0)).integer(0).none();
  const Values result = large.out(DType::kF16)();
  for (size_t i = 0; i < result.size(); ++i) ASSERT_EQ(result[i], double(i / 2000 + 1)) << i;
}

TEST(Rows, OfNothingOrNoneAtAll) {
  for (const Shape& shape : {Shape{0, 5}, Shape{5, 0}, Shape{0, 0}}) {
    OperatorCall sum("aten::sum.IntList_out");
    sum.tensor(DType::kF16, shape, {}).ints({1}).boolean(false).none().out(DType::kF32);
    EXPECT_EQ(sum(), Values(size_t(shape[0]), 0.0));
  }
}

}  // namespace
}  // namespace smelt::program::testing
