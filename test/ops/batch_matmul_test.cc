#include <gtest/gtest.h>

#include <cmath>

#include "gemm_node.h"

namespace smelt {
namespace {

// Strides of one operand within the output's batch: 0 where it is repeated.
std::vector<size_t> batch_strides(const Shape& shape, const Shape& batch) {
  std::vector<size_t> strides(batch.rank(), 0);
  size_t step = shape.numel(shape.rank() - 2, shape.rank());
  for (size_t i = 0; i + 2 < shape.rank(); ++i) {
    const size_t from_end = i, at = batch.rank() - 1 - from_end;
    const int64_t extent = shape[shape.rank() - 3 - from_end];
    strides[at] = extent == 1 ? 0 : step;
    step *= size_t(extent);
  }
  return strides;
}

Expected product(const TestOperand& a, const TestOperand& b, Shape batch) {
  const size_t m = size_t(a.shape.back(1)), k = size_t(a.shape.back(0)),
               n = size_t(b.shape.back(0));
  const auto a_strides = batch_strides(a.shape, batch), b_strides = batch_strides(b.shape, batch);
  Expected e;
  e.shape = batch;
  e.shape.push_back(int64_t(m));
  e.shape.push_back(int64_t(n));
  for (size_t index = 0; index < batch.numel(); ++index) {
    size_t a0 = 0, b0 = 0, rest = index;
    for (size_t d = batch.rank(); d-- > 0;) {
      a0 += rest % size_t(batch[d]) * a_strides[d];
      b0 += rest % size_t(batch[d]) * b_strides[d];
      rest /= size_t(batch[d]);
    }
    for (size_t i = 0; i < m; ++i) {
      for (size_t j = 0; j < n; ++j) {
        double sum = 0, magnitude = 0;
        for (size_t x = 0; x < k; ++x) {
          const double p = a.values[a0 + i * k + x] * b.values[b0 + x * n + j];
          sum += p;
          magnitude += std::abs(p);
        }
        e.values.push_back(sum);
        e.magnitudes.push_back(magnitude);
      }
    }
  }
  return e;
}

struct Case {
  Shape a, b, batch;
};
const Case kCases[] = {
    {{5, 7}, {7, 9}, {}},
    {{3, 5, 7}, {3, 7, 9}, {3}},
    {{3, 1, 7}, {3, 7, 9}, {3}},
    {{4, 5, 7}, {1, 7, 9}, {4}},
    {{1, 5, 7}, {4, 7, 9}, {4}},
    {{2, 3, 5, 7}, {2, 3, 7, 9}, {2, 3}},
    {{2, 1, 5, 7}, {1, 3, 7, 9}, {2, 3}},
    {{2, 3, 5, 7}, {3, 7, 9}, {2, 3}},
    {{5, 7}, {2, 3, 7, 9}, {2, 3}},
    {{0, 5, 7}, {0, 7, 9}, {0}},
    {{2, 5, 0}, {2, 0, 9}, {2}},
    {{2, 40, 64}, {2, 64, 70}, {2}},
    {{2, 1, 33}, {3, 2, 33, 70}, {3, 2}},
    {{1, 64}, {64, 200}, {}},
    {{3, 2, 40}, {3, 40, 17}, {3}},
    {{2, 1, 40}, {1, 40, 17}, {2}},
};

TEST(BatchMatMul, Broadcasts) {
  for (DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const Case& c : kCases) {
      for (bool constant : {false, true}) {
        SCOPED_TRACE(testing::Message() << to_string(c.a) << " x " << to_string(c.b));
        const auto a = computed(float_operand(dtype, c.a, 1));
        auto b = float_operand(dtype, c.b, 2);
        b->constant = constant;
        const auto out = output_of(dtype);
        run_node({make_batch_matmul, NoAttrs{}, {}, {a.get(), b.get()}, out.get()});
        if (HasFatalFailure()) return;
        expect_values(*out, product(*a, *b, c.batch), {}, size_t(c.a.back()));
      }
    }
  }
}

TEST(BatchMatMul, Errors) {
  const auto out = output_of(DType::kF32);
  const auto failed = [&](Shape a, Shape b) {
    const auto x = float_operand(DType::kF32, a, 1), y = float_operand(DType::kF32, b, 2);
    return make_error({make_batch_matmul, NoAttrs{}, {}, {x.get(), y.get()}, out.get()})
        .has_value();
  };
  EXPECT_FALSE(failed({2, 3}, {3, 4}));
  EXPECT_TRUE(failed({2, 3}, {4, 3}));
  EXPECT_TRUE(failed({3}, {3, 4}));
  EXPECT_TRUE(failed({2, 3}, {3}));
  EXPECT_TRUE(failed({2, 2, 3}, {3, 3, 4}));
  const auto a = int8_operand({2, 3}, 1, 0, 1), b = int8_operand({3, 4}, 1, 0, 2),
             int8 = output_of(DType::kS8, 1);
  EXPECT_TRUE(make_error({make_batch_matmul, NoAttrs{}, {}, {a.get(), b.get()}, int8.get()}));
}

}  // namespace
}  // namespace smelt
