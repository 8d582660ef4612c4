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
    if (to < 0 || to >= room) return invalid_value("position {} of a cache of {}", to, room);
    std::memcpy(cache.data + size_t(i / length * room + to) * token, value.data + size_t(i) * token,
                token);
  }
  return {};
}

/// One of the operands of attention: a row of `depth` elements per batch, position and head. The
/// rows of int8 operands have a scale and a zero point each.
struct Operand {
  const Tensor& tensor;
  const Tensor *zeros = nullptr, *scales = nullptr;

  bool fits() const {
    if (tensor.dtype != DType::kS8) return is_float(tensor.dtype);
    Shape rows = tensor.shape;
    if (rows.rank() != 0) rows[rows.rank() - 1] = 1;
    return zeros && scales && zeros->shape == rows && scales->shape == rows &&
           zeros->dtype == DType::kS8 && scales->dtype == DType::kF32;
  }
  /// The elements of row `index` as floats: in place, or in `buffer`.
  const float* read(size_t index, size_t depth, float* buffer) const {
    const std::byte* p = tensor.data + index * depth * element_size(tensor.dtype);
    if (tensor.dtype == DType::kF32) return reinterpret_cast<const float*>(p);
    load_block(tensor.dtype, p, 1, depth, Compute::kF32, buffer);
    if (scales != nullptr) {
      const float zero = zeros->as<int8_t>()[index], scale = scales->as<float>()[index];
      for (size_t d = 0; d < depth; ++d) buffer[d] = (buffer[d] - zero) * scale;
    }
    return buffer;
  }
};

/// query [b, s, h, d], key and value [b, t, h', d]; h is a multiple of h', whose heads are shared.
/// With heads_first the second and third dimension are swapped.
struct Attention {
  Operand query, key, value;
  const Tensor* mask;  ///< [s, t], added to the scores
  int64_t start;       ///< position of the first query
  bool causal;
  double scale;
  bool heads_first = false;
};

/// Scores, softmax and weighted sum, one query at a time and on the fly: a new largest score
/// rescales what was summed.
Status attend(Call& call, const Attention& a, Tensor& out) {
  const Tensor &q = a.query.tensor, &k = a.key.tensor, &v = a.value.tensor;
  const size_t by_position = a.heads_first ? 2 : 1, by_head = a.heads_first ? 1 : 2;
  bool fits = q.rank() == 4 && k.rank() == 4 && k.shape == v.shape && q.shape[0] == k.shape[0] &&
              q.shape[3] == k.shape[3] && k.shape[by_head] > 0 &&
              q.shape[by_head] % k.shape[by_head] == 0 && q.dtype == k.dtype &&
              q.dtype == v.dtype && a.query.fits() && a.key.fits() && a.value.fits() &&
              (q.dtype == DType::kS8 ? is_float(out.dtype) : out.dtype == q.dtype);
  if (!fits) {
    return invalid("attention of {} {} over {} and {}", smelt::name(q.dtype), to_string(q.shape),
                   to_string(k.shape), to_string(v.shape));
  }
  const int64_t batch = q.shape[0], depth = q.shape[3];
  const int64_t length = q.shape[by_position], heads = q.shape[by_head];
  const int64_t room = k.shape[by_position], kv_heads = k.shape[by_head];
  const int64_t shared = heads / kv_heads;
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
  const size_t size = element_size(out.dtype), workers = call.pool().workers();
  const auto row_of = [&](int64_t b, int64_t position, int64_t positions, int64_t head,
                          int64_t all_heads) {
    return size_t(a.heads_first ? (b * all_heads + head) * positions + position
                                : (b * positions + position) * all_heads + head);
  };
  SMELT_ASSIGN(float* buffers, call.scratch().take<float>(workers * size_t(3 * depth)));
  call.pool().parallel_for(
      size_t(batch * length * heads), 4, [&](size_t begin, size_t end, unsigned worker) {
        float* query = buffers + worker * size_t(3 * depth);
        float *sum = query + depth, *row = sum + depth;
        for (size_t i = begin; i < end; ++i) {
          const int64_t h = int64_t(i) % heads, s = int64_t(i) / heads % length;
          const int64_t b = int64_t(i) / heads / length;
          const size_t at = row_of(b, s, length, h, heads);
          const float* x = a.query.read(at, size_t(depth), query);
          std::fill_n(sum, depth, 0.0f);
          float top = -std::numeric_limits<float>::infinity(), total = 0;
          const int64_t visible = a.causal ? std::min(a.start + s + 1, keys) : keys;
          for (int64_t t = 0; t < visible; ++t) {
            const size_t index = row_of(b, t, room, h / shared, kv_heads);
            const float* key = a.key.read(index, size_t(depth), row);
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
            const float* value = a.value.read(index, size_t(depth), row);
            for (int64_t e = 0; e < depth; ++e) sum[e] += weight * value[e];
          }
          const float norm = total == 0 ? 0 : 1 / total;
          for (int64_t e = 0; e < depth; ++e) sum[e] *= norm;
          store_block(out.dtype, out.data + at * size_t(depth) * size, 1, size_t(depth),
                      Compute::kF32, sum);
        }
      });
  return {};
}

/// Where attention has its arguments: values follow keys, and two behind the mask is `causal`.
struct Places {
  size_t key, start, mask, out;
  size_t heads_first = 0;  ///< 0: it has no such argument
};

/// What attention does, of the largest extent that its arguments allow before they are computed.
struct Effort {
  uint64_t pairs = 0;  ///< of a query and a key that it sees, in one head
  uint64_t keys = 0;   ///< that some query sees
  uint64_t room = 0;   ///< for keys
  uint64_t rows = 0;   ///< of a query's elements: batch x heads
};
Effort effort(const DescribedArguments& args, const Places& at) {
  const Tensor &query = args.tensor(0), &key = args.tensor(at.key);
  if (query.rank() != 4 || key.rank() != 4) return {};
  const bool heads_first = at.heads_first != 0 && args.boolean(at.heads_first);
  const size_t position = heads_first ? 2 : 1;
  const auto length = uint64_t(query.shape[position]), room = uint64_t(key.shape[position]);
  Effort e{.room = room, .rows = uint64_t(query.shape[0] * query.shape[3 - position])};
  if (args.has(at.mask)) {
    e.keys = room;
  } else {
    const uint64_t last = room - std::min(room, length);
    const int64_t start = args.known_integer(at.start).value_or(int64_t(last));
    e.keys = std::min(uint64_t(std::max<int64_t>(start, 0)), last) + length;
  }
  e.pairs = length * e.keys;
  if (args.boolean(at.mask + 2) && length != 0) e.pairs -= length * (length - 1) / 2;
  return e;
}

/// A pair takes a product per element of the key, and one per element of the value.
template <Places At>
uint64_t attention_macs(const DescribedArguments& args) {
  const Effort e = effort(args, At);
  return e.pairs == 0 ? 0 : 2 * e.rows * e.pairs * uint64_t(args.tensor(0).shape[3]);
}

/// Of keys and values, only what some query sees; and what is written into a cache before.
template <Places At>
uint64_t attention_bytes(const DescribedArguments& args) {
  const Effort e = effort(args, At);
  uint64_t bytes = args.tensor(0).bytes() + args.tensor(At.out).bytes();
  if (args.has(At.mask)) bytes += args.tensor(At.mask).bytes();
  for (const size_t cache : {At.key, At.key + 1})
    if (e.room != 0) bytes += args.tensor(cache).bytes() / e.room * e.keys;
  if (At.key != 1) bytes += 2 * (args.tensor(1).bytes() + args.tensor(2).bytes());
  return bytes;
}

template <Places At>
constexpr Operator attending(Operator op) {
  return with_bytes(attention_bytes<At>, multiplying(attention_macs<At>, op));
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
  const Attention a{{query},
                    {call.tensor(1)},
                    {call.tensor(2)},
                    mask,
                    call.integer(3),
                    call.boolean(6),
                    call.real_or(7, default_scale(query))};
  return attend(call, a, call.tensor(8));
}

/// (query, key, value, start, mask?, dropout, causal, scale?, zero points? and scales? of query,
/// key and value in turn, heads_first, out)
Status custom_quantized_sdpa(Call& call) {
  const Tensor& query = call.tensor(0);
  const Tensor* mask = call.optional_tensor(4);
  if (mask && call.boolean(6)) return invalid("both a mask and causal");
  const bool quantized = query.dtype == DType::kS8;
  const auto operand = [&](size_t i) {
    return Operand{call.tensor(i), quantized ? call.optional_tensor(8 + 2 * i) : nullptr,
                   quantized ? call.optional_tensor(9 + 2 * i) : nullptr};
  };
  const Attention a{operand(0),
                    operand(1),
                    operand(2),
                    mask,
                    call.integer(3),
                    call.boolean(6),
                    call.real_or(7, default_scale(query)),
                    call.boolean(14)};
  return attend(call, a, call.tensor(15));
}

/// (query, key, value, key_cache, value_cache, start, length, mask?, dropout, causal, scale?, out)
Status sdpa_with_kv_cache(Call& call) {
  const Tensor& query = call.tensor(0);
  const Tensor* mask = call.optional_tensor(7);
  if (mask && call.boolean(9)) return invalid("both a mask and causal");
  SMELT_TRY(write_cache(call.tensor(1), call.tensor(3), call.integer(5)));
  SMELT_TRY(write_cache(call.tensor(2), call.tensor(4), call.integer(5)));
  const Attention a{{query},
                    {call.tensor(3)},
                    {call.tensor(4)},
                    mask,
                    call.integer(5),
                    call.boolean(9),
                    call.real_or(10, default_scale(query))};
  return attend(call, a, call.tensor(11));
}

/// Each row times the Hadamard matrix of its length, over the root of that length: sums and
/// differences of pairs that are 1, 2, 4, … apart.
Status fast_hadamard_transform(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(1);
  if (!is_float(self.dtype) || out.dtype != self.dtype) {
    return invalid("the Hadamard transform of {} as {}", smelt::name(self.dtype),
                   smelt::name(out.dtype));
  }
  SMELT_TRY(out.resize(self.shape));
  if (self.rank() == 0 || self.numel() == 0) return {};
  const auto n = size_t(self.shape.back());
  if ((n & (n - 1)) != 0) {
    return fail(ErrorCode::kUnsupported, "the Hadamard transform of {} elements, no power of two",
                n);
  }
  return with_float(self.dtype, [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, self));
    SMELT_ASSIGN(C * y, result_elements<C>(call, out));
    if (x != y) std::copy_n(x, self.numel(), y);
    const C norm = C(1 / std::sqrt(double(n)));
    for (size_t row = 0; row < self.numel(); row += n) {
      for (size_t apart = 1; apart < n; apart *= 2) {
        for (size_t i = 0; i < n; i += 2 * apart) {
          for (size_t k = row + i; k < row + i + apart; ++k) {
            const C a = y[k], b = y[k + apart];
            y[k] = a + b;
            y[k + apart] = a - b;
          }
        }
      }
      for (size_t i = row; i < row + n; ++i) y[i] *= norm;
    }
    store(out, y);
    return {};
  });
}

constexpr Operator kOperators[] = {
    attending<Places{.key = 1, .start = 3, .mask = 4, .out = 15, .heads_first = 14}>(
        {"llama::custom_quantized_sdpa.out", "TTTItDBdttttttBW", custom_quantized_sdpa}),
    attending<Places{.key = 1, .start = 3, .mask = 4, .out = 8}>(
        {"llama::custom_sdpa.out", "TTTItDBdW", custom_sdpa}),
    in_category(Category::kElementwise,
                {"llama::fast_hadamard_transform.out", "TW", fast_hadamard_transform}),
    attending<Places{.key = 3, .start = 5, .mask = 7, .out = 11}>(
        {"llama::sdpa_with_kv_cache.out", "TTTUUIItDBdW", sdpa_with_kv_cache}),
    {"llama::update_cache.out", "TUIW", update_cache},
    {"llama::update_cache_with_indices.out", "TUITW", update_cache_with_indices},
};
constexpr auto kTable = of_category(Category::kDataMovement, kOperators);

}  // namespace

std::span<const Operator> llm_operators() { return kTable; }

}  // namespace smelt::program
