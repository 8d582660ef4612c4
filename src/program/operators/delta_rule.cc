// The gated delta rule: a matrix of associations between keys and values that forgets, corrects
// itself and answers, token by token.
#include <algorithm>

#include "program/operators/common.h"

namespace smelt::program {
namespace {

/// (query [b, g·h, t, k], key [b, h, t, k], value [b, h, t, v], decay, beta [b, h, t], state
/// [b, h, k, v], out [b, g·h, t, v], new state). The decay is a factor per token [b, h, t], or also
/// per element of the key [b, h, t, k]. For each token:
///   state = decay · state;  state += key ⊗ beta · (value − keyᵀ · state);  out = queryᵀ · state
Status gated_delta_rule(Call& call) {
  const Tensor &query = call.tensor(0), &key = call.tensor(1), &value = call.tensor(2);
  const Tensor &decay = call.tensor(3), &beta = call.tensor(4), &state = call.tensor(5);
  Tensor &out = call.tensor(6), &next = call.tensor(7);
  const Shape &q = query.shape, &k = key.shape;
  const auto fits = [&] {
    for (const Tensor* t : std::initializer_list<const Tensor*>{&query, &key, &value, &decay, &beta,
                                                                &state, &out, &next}) {
      if (t->dtype != query.dtype || !is_float(t->dtype)) return false;
    }
    if (q.rank() != 4 || k.rank() != 4 || value.rank() != 4) return false;
    const Shape tokens{k[0], k[1], k[2]};
    const int64_t depth = value.shape[3];
    return k[1] > 0 && q == Shape{k[0], q[1], k[2], k[3]} && q[1] % k[1] == 0 &&
           value.shape == Shape{k[0], k[1], k[2], depth} && beta.shape == tokens &&
           (decay.shape == k || decay.shape == tokens) &&
           state.shape == Shape{k[0], k[1], k[3], depth};
  };
  if (!fits()) {
    return invalid("a delta rule of {} {} with keys {}, values {}, decay {}, beta {} and state {}",
                   smelt::name(query.dtype), to_string(q), to_string(k), to_string(value.shape),
                   to_string(decay.shape), to_string(beta.shape), to_string(state.shape));
  }
  const auto tokens = size_t(k[2]), keys = size_t(k[3]), values = size_t(value.shape[3]);
  const auto shared = size_t(q[1] / k[1]);  // queries that ask the same state
  SMELT_TRY(out.resize({q[0], q[1], q[2], value.shape[3]}));
  SMELT_TRY(next.resize(state.shape));
  return with_float(query.dtype, [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* asked, elements<C>(call, query));
    SMELT_ASSIGN(const C* known, elements<C>(call, key));
    SMELT_ASSIGN(const C* wanted, elements<C>(call, value));
    SMELT_ASSIGN(const C* kept, elements<C>(call, decay));
    SMELT_ASSIGN(const C* rate, elements<C>(call, beta));
    SMELT_ASSIGN(const C* before, elements<C>(call, state));
    SMELT_ASSIGN(C * answers, result_elements<C>(call, out));
    SMELT_ASSIGN(C * after, result_elements<C>(call, next));
    if (after != before) std::copy_n(before, state.numel(), after);
    SMELT_ASSIGN(C * lines, call.scratch().take<C>(values * call.pool().workers()));
    const bool per_element = decay.rank() == 4;
    const auto range = [&](size_t begin, size_t end, unsigned worker) {
      C* delta = lines + values * worker;
      for (size_t h = begin; h < end; ++h) {
        std::fill_n(answers + h * shared * tokens * values, shared * tokens * values, C(0));
        for (size_t t = 0; t < tokens; ++t) {
          const size_t token = h * tokens + t;
          std::fill_n(delta, values, C(0));
          for (size_t i = 0; i < keys; ++i) {
            C* row = after + (h * keys + i) * values;
            const C factor = kept[per_element ? token * keys + i : token];
            const C x = known[token * keys + i];
            for (size_t j = 0; j < values; ++j) delta[j] += x * (row[j] *= factor);
          }
          for (size_t j = 0; j < values; ++j) {
            delta[j] = (wanted[token * values + j] - delta[j]) * rate[token];
          }
          for (size_t i = 0; i < keys; ++i) {
            C* row = after + (h * keys + i) * values;
            const C x = known[token * keys + i];
            for (size_t j = 0; j < values; ++j) row[j] += x * delta[j];
            for (size_t g = 0; g < shared; ++g) {
              const size_t question = (h * shared + g) * tokens + t;
              const C weight = asked[question * keys + i];
              C* answer = answers + question * values;
              for (size_t j = 0; j < values; ++j) answer[j] += weight * row[j];
            }
          }
        }
      }
    };
    call.pool().parallel_for(size_t(k[0] * k[1]), 1, range);
    store(out, answers);
    store(next, after);
    return {};
  });
}

/// Of a call: its state is read, corrected and asked once for each token.
uint64_t delta_rule_macs(const DescribedArguments& call) {
  const Shape &q = call.tensor(0).shape, &v = call.tensor(2).shape;
  if (q.rank() != 4 || v.rank() != 4) return 0;
  return (2 * v.numel(0, 3) + q.numel(0, 3)) * uint64_t(q[3]) * uint64_t(v[3]);
}

constexpr Operator kOperators[] = {
    multiplying(delta_rule_macs,
                {"llama::channelwise_gated_delta_rule.out", "TTTTTTWW", gated_delta_rule}),
    multiplying(delta_rule_macs, {"llama::gated_delta_rule.out", "TTTTTTWW", gated_delta_rule}),
};
constexpr auto kTable = of_category(Category::kMatrixProduct, kOperators);

}  // namespace

std::span<const Operator> delta_rule_operators() { return kTable; }

}  // namespace smelt::program
