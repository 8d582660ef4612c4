// Attention over a cache of keys and values, as decoders are exported with it.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "program/operators/common.h"

namespace smelt::program {
namespace {

Status check_cache(const Tensor& value, const Tensor& cache) {
  bool fits = value.rank() == 4 && cache.rank() == 4 && value.dtype == cache.dtype &&
              value.shape[0] == cache.shape[0] && value.shape[2] == cache.shape[2] &&
              value.shape[3] == cache.shape[3];
  if (fits) return {};
  return invalid("{} into a cache of {}", to_string(value.shape), to_string(cache.shape));
}

/// Writes value [b, s, h, d] into cache [b, max, h, d] from position `start` on.
Status write_cache(const Tensor& value, Tensor& cache, int64_t start) {
  SMELT_TRY(check_cache(value, cache));
  const int64_t length = value.shape[1], room = cache.shape[1];
  if (start < 0 || start > room || length > room - start) {
    return invalid("{} positions from {} on in a cache of {}", length, start, room);
  }
  const size_t token = cache.shape.numel(2, 4) * element_size(cache.dtype);
  for (int64_t b = 0; b < value.shape[0]; ++b) {
    std::memcpy(cache.data + size_t(b * room + start) * token,
                value.data + size_t(b * length) * token, size_t(length) * token);
  }
  return {};
}

/// (value, cache, start, out): `out` is a placeholder that nobody reads.
Status update_cache(Call& call) {
  return write_cache(call.tensor(0), call.tensor(1), call.integer(2));
}

/// (value, cache, start, indices [b, s], out): each position says where it goes.
Status update_cache_with_indices(Call& call) {
  const Tensor& value = call.tensor(0);
  Tensor& cache = call.tensor(1);
  const Tensor& indices = call.tensor(3);
  SMELT_TRY(check_cache(value, cache));
  const int64_t batch = value.shape[0], length = value.shape[1], room = cache.shape[1];
  if (indices.dtype != DType::kS64 || !(indices.shape == Shape{batch, length})) {
    return invalid("indices of shape {} for {}", to_string(indices.shape), to_string(value.shape));
  }
  const size_t token = cache.shape.numel(2, 4) * element_size(cache.dtype);
  for (int64_t i = 0; i < batch * length; ++i) {
    const int64_t to = indices.as<int64_t>()[i];
    if (to < 0 || to >= room) return invalid("position {} of a cache of {}", to, room);
    std::memcpy(cache.data + size_t(i / length * room + to) * token, value.data + size_t(i) * token,
                token);
  }
  return {};
}

/// query [b, s, h, d], key and value [b, t, h', d]; h is a multiple of h', whose heads are shared.
struct Attention {
  const Tensor &query, &key, &value;
  const Tensor* mask;  ///< [s, t], added to the scores
  int64_t start;       ///< position of the first query
  bool causal;
  double scale;
};

/// Scores, softmax and weighted sum, one query at a time and on the fly: a new largest score
/// rescales what was summed.
Status attend(Call& call, const Attention& a, Tensor& out) {
  const Tensor &q = a.query, &k = a.key, &v = a.value;
  bool fits = q.rank() == 4 && k.rank() == 4 && v.rank() == 4 && k.shape == v.shape &&
              q.shape[0] == k.shape[0] && q.shape[3] == k.shape[3] && k.shape[2] > 0 &&
              q.shape[2] % k.shape[2] == 0 && q.dtype == k.dtype && q.dtype == v.dtype &&
              is_float(q.dtype) && out.dtype == q.dtype;
  if (!fits) {
    return invalid("attention of {} over {} and {}", to_string(q.shape), to_string(k.shape),
                   to_string(v.shape));
  }
  const int64_t batch = q.shape[0], length = q.shape[1], heads = q.shape[2], depth = q.shape[3];
  const int64_t room = k.shape[1], shared = heads / k.shape[2], kv_heads = k.shape[2];
  // Without a mask only what has been written so far counts.
  const int64_t keys = a.mask != nullptr ? room : a.start + length;
  if (a.start < 0 || keys > room || keys < 0) {
    return invalid("{} positions from {} on over {} keys", length, a.start, room);
  }
  if (a.mask && (a.mask->rank() != 2 || a.mask->shape[0] != length || a.mask->shape[1] != keys)) {
    return invalid("a mask of shape {} for {} queries and {} keys", to_string(a.mask->shape),
                   length, keys);
  }
  SMELT_TRY(out.resize(q.shape));
  const float scale = float(a.scale);
  const size_t size = element_size(q.dtype), workers = call.pool().workers();
  SMELT_ASSIGN(float* buffers, call.scratch().take<float>(workers * size_t(3 * depth)));
  call.pool().parallel_for(
      size_t(batch * length * heads), 4, [&](size_t begin, size_t end, unsigned worker) {
        float* query = buffers + worker * size_t(3 * depth);
        float *sum = query + depth, *row = sum + depth;
        const auto read = [&](const Tensor& t, int64_t index, float* buffer) -> const float* {
          const std::byte* p = t.data + size_t(index * depth) * size;
          if (t.dtype == DType::kF32) return reinterpret_cast<const float*>(p);
          load_block(t.dtype, p, 1, size_t(depth), Compute::kF32, buffer);
          return buffer;
        };
        for (size_t i = begin; i < end; ++i) {
          const int64_t h = int64_t(i) % heads, s = int64_t(i) / heads % length;
          const int64_t b = int64_t(i) / heads / length;
          const float* x = read(q, int64_t(i), query);
          std::fill_n(sum, depth, 0.0f);
          float top = -std::numeric_limits<float>::infinity(), total = 0;
          const int64_t visible = a.causal ? std::min(a.start + s + 1, keys) : keys;
          for (int64_t t = 0; t < visible; ++t) {
            const int64_t index = (b * room + t) * kv_heads + h / shared;
            const float* key = read(k, index, row);
            float part[8] = {};
            int64_t d = 0;
            for (; d + 8 <= depth; d += 8) {
              for (int64_t e = 0; e < 8; ++e) part[e] += x[d + e] * key[d + e];
            }
            float score = 0;
            for (; d < depth; ++d) score += x[d] * key[d];
            for (const float p : part) score += p;
            score *= scale;
            if (a.mask) score += load_element<float>(a.mask->dtype, a.mask->data, s * keys + t);
            if (score == -std::numeric_limits<float>::infinity()) continue;
            if (score > top) {
              const float shrink = std::exp(top - score);
              total *= shrink;
              for (int64_t e = 0; e < depth; ++e) sum[e] *= shrink;
              top = score;
            }
            const float weight = std::exp(score - top);
            total += weight;
            const float* value = read(v, index, row);
            for (int64_t e = 0; e < depth; ++e) sum[e] += weight * value[e];
          }
          const float norm = total == 0 ? 0 : 1 / total;
          for (int64_t e = 0; e < depth; ++e) sum[e] *= norm;
          store_block(out.dtype, out.data + i * size_t(depth) * size, 1, size_t(depth),
                      Compute::kF32, sum);
        }
      });
  return {};
}

double default_scale(const Tensor& query) {
  return query.rank() == 4 && query.shape[3] > 0 ? 1 / std::sqrt(double(query.shape[3])) : 1;
}

/// (query, key, value, start, mask?, dropout, causal, scale?, out); dropout is of no concern at
/// inference.
Status custom_sdpa(Call& call) {
  const Tensor& query = call.tensor(0);
  const Tensor* mask = call.optional_tensor(4);
  if (mask && call.boolean(6)) return invalid("both a mask and causal");
  const Attention a{query,
                    call.tensor(1),
                    call.tensor(2),
                    mask,
                    call.integer(3),
                    call.boolean(6),
                    call.real_or(7, default_scale(query))};
  return attend(call, a, call.tensor(8));
}

/// (query, key, value, key_cache, value_cache, start, length, mask?, dropout, causal, scale?, out)
Status sdpa_with_kv_cache(Call& call) {
  const Tensor& query = call.tensor(0);
  const Tensor* mask = call.optional_tensor(7);
  if (mask && call.boolean(9)) return invalid("both a mask and causal");
  SMELT_TRY(write_cache(call.tensor(1), call.tensor(3), call.integer(5)));
  SMELT_TRY(write_cache(call.tensor(2), call.tensor(4), call.integer(5)));
  const Attention a{query,
                    call.tensor(3),
                    call.tensor(4),
                    mask,
                    call.integer(5),
                    call.boolean(9),
                    call.real_or(10, default_scale(query))};
  return attend(call, a, call.tensor(11));
}

constexpr Operator kOperators[] = {
    {"llama::custom_sdpa.out", "TTTItDBdW", custom_sdpa},
    {"llama::sdpa_with_kv_cache.out", "TTTUUIItDBdW", sdpa_with_kv_cache},
    {"llama::update_cache.out", "TUIW", update_cache},
    {"llama::update_cache_with_indices.out", "TUITW", update_cache_with_indices},
};

}  // namespace

std::span<const Operator> llm_operators() { return kOperators; }

}  // namespace smelt::program
