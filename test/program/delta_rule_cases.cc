// The gated delta rule, token by token as it is defined.
#include "operator_cases.h"

namespace smelt::program::testing {
namespace {

void delta_rule(Subject& s) {
  for (const DType t : kFloats) {
    for (const bool per_element : {true, false}) {
      for (const auto& [heads, shared, tokens] :
           {std::tuple<int64_t, int64_t, int64_t>{3, 1, 5}, {2, 3, 1}, {1, 2, 40}, {2, 1, 0}}) {
        const int64_t batch = 2, keys = 4, values = 3;
        // Small keys: what is stored stays of the size of the values.
        const auto small = [&](const Shape& shape, size_t seed) {
          return Array::make(t, shape, [&](size_t i) {
            return double(int64_t((i * 11 + seed * 7) % 17) - 8) / 16;
          });
        };
        const Array q = small({batch, heads * shared, tokens, keys}, 1);
        const Array k = small({batch, heads, tokens, keys}, 2);
        const Array v = small({batch, heads, tokens, values}, 3);
        const Shape each{batch, heads, tokens};
        const auto factor = [](size_t i) { return double(i % 4 + 1) / 4; };
        const Array decay = Array::make(t, per_element ? k.shape : each, factor);
        const Array beta = Array::make(t, each, factor);
        const Array state = small({batch, heads, keys, values}, 4);
        OperatorProgram call = s.call();
        call.tensor(q).tensor(k).tensor(v).tensor(decay).tensor(beta).tensor(state).out(t).out(t);
        Array out(t, {batch, heads * shared, tokens, values}, {}), next = state;
        out.v.resize(out.shape.numel());
        for (int64_t b = 0; b < batch; ++b) {
          for (int64_t h = 0; h < heads; ++h) {
            for (int64_t n = 0; n < tokens; ++n) {
              for (int64_t j = 0; j < values; ++j) {
                double predicted = 0;
                for (int64_t i = 0; i < keys; ++i) {
                  next({b, h, i, j}) *= per_element ? decay({b, h, n, i}) : decay({b, h, n});
                  predicted += next({b, h, i, j}) * k({b, h, n, i});
                }
                const double delta = (v({b, h, n, j}) - predicted) * beta({b, h, n});
                for (int64_t i = 0; i < keys; ++i) {
                  next({b, h, i, j}) += k({b, h, n, i}) * delta;
                  for (int64_t g = h * shared; g < (h + 1) * shared; ++g) {
                    out({b, g, n, j}) += q({b, g, n, i}) * next({b, h, i, j});
                  }
                }
              }
            }
          }
        }
        s.expect(call, Array(t, out.shape, out.v), 4);
        s.expect(call.result(1), Array(t, next.shape, next.v), 4);
      }
    }
  }
  const auto refuse = [&](const Shape& q, const Shape& k, const Shape& state) {
    OperatorProgram call = s.call();
    const auto add = [&](const Shape& shape) { call.tensor(sample(DType::kF32, shape)); };
    add(q), add(k), add({1, 2, 3, 5}), add(k), add({1, 2, 3}), add(state);
    s.refuse(call.out(DType::kF32).out(DType::kF32));
  };
  refuse({1, 2, 3, 4}, {1, 2, 3, 3}, {1, 2, 4, 5});
  refuse({1, 3, 3, 4}, {1, 2, 3, 4}, {1, 2, 4, 5});
  refuse({1, 2, 3, 4}, {1, 2, 3, 4}, {1, 2, 5, 4});
}

constexpr OperatorCase kCases[] = {
    {"llama::channelwise_gated_delta_rule.out", delta_rule},
    {"llama::gated_delta_rule.out", delta_rule},
};

}  // namespace

std::span<const OperatorCase> delta_rule_cases() { return kCases; }

}  // namespace smelt::program::testing
