// Rows of a table, summed by bags.
#include <algorithm>

#include "program/operators/index_places.h"

namespace smelt::program {
namespace {

enum class Mode { kSum, kMean, kMax };

/// (weight [n, d], indices [i], offsets [b], scale_grad_by_freq, mode, sparse, per_sample_weights?
/// [i], include_last_offset, padding_idx, out [b, d], and three that the backward pass wants: the
/// bag of each index, the size of each bag, where each largest element comes from)
Status embedding_bag(Call& call) {
  const Tensor &weight = call.tensor(0), &indices = call.tensor(1), &offsets = call.tensor(2);
  const int64_t mode_number = call.integer(4);
  const Tensor* factors = call.optional_tensor(6);
  Tensor &out = call.tensor(9), &bag_of = call.tensor(10), &sizes = call.tensor(11);
  Tensor& sources = call.tensor(12);
  SMELT_TRY(check_index_type(indices));
  SMELT_TRY(check_index_type(offsets));
  if (weight.rank() != 2 || indices.rank() != 1 || offsets.rank() != 1 || !is_float(weight.dtype) ||
      out.dtype != weight.dtype || (factors != nullptr && !(factors->shape == indices.shape))) {
    return invalid("bags of {} {} at {} as {}", smelt::name(weight.dtype), to_string(weight.shape),
                   to_string(indices.shape), smelt::name(out.dtype));
  }
  if (mode_number < 0 || mode_number > 2) return invalid("mode {}", mode_number);
  const auto mode = Mode(mode_number);
  if (factors != nullptr && mode != Mode::kSum) return invalid("factors where nothing is summed");
  const int64_t rows = weight.shape[0], depth = weight.shape[1], count = indices.shape[0];
  int64_t bags = offsets.shape[0];
  if (call.boolean(7) && bags-- == 0) return invalid("no offset, not even the last");
  const int64_t padding = call.integer(8) < 0 ? -1 : call.integer(8);
  if (padding >= rows) return invalid("row {} of {} as padding", padding, rows);
  const auto begin = [&](int64_t b) {
    return b < offsets.shape[0] ? index_at(offsets, size_t(b)) : count;
  };
  if (bags > 0 && begin(0) != 0) return invalid("a first bag at {}", begin(0));
  for (int64_t b = 0; b < bags; ++b) {
    if (begin(b) > begin(b + 1) || begin(b + 1) > count) {
      return invalid("a bag from {} to {} of {} indices", begin(b), begin(b + 1), count);
    }
  }
  for (int64_t i = 0; i < count; ++i) {
    SMELT_TRY(checked_index(index_at(indices, size_t(i)), rows));
  }
  SMELT_TRY(out.resize({bags, depth}));
  // Plain sums need no list of bags; exporters know that, but not all of their versions do.
  const bool plain = mode == Mode::kSum && padding < 0;
  if (!bag_of.resize({plain ? 0 : count})) SMELT_TRY(bag_of.resize({plain ? count : 0}));
  SMELT_TRY(sizes.resize({bags}));
  SMELT_TRY(sources.resize(mode == Mode::kMax ? Shape{bags, depth} : Shape{bags}));
  std::fill_n(bag_of.data, bag_of.bytes(), std::byte());
  const auto note = [](const Tensor& t, int64_t at, int64_t v) {
    store_element(t.dtype, t.data, ptrdiff_t(at), v);
  };
  return with_float(weight.dtype, [&]<class C>(C) -> Status {
    SMELT_ASSIGN(C * all_rows, call.scratch().take<C>(2 * size_t(depth) * call.pool().workers()));
    const auto range = [&](size_t first, size_t last, unsigned worker) {
      C *sum = all_rows + 2 * size_t(depth) * worker, *row = sum + depth;
      const size_t bytes = size_t(depth) * element_size(weight.dtype);
      for (auto b = int64_t(first); b < int64_t(last); ++b) {
        std::fill_n(sum, depth, C(0));
        int64_t size = 0;
        for (int64_t d = 0; mode == Mode::kMax && d < depth; ++d) note(sources, b * depth + d, 0);
        for (int64_t i = begin(b); i < begin(b + 1); ++i) {
          if (bag_of.numel() != 0) note(bag_of, i, b);
          int64_t at = index_at(indices, size_t(i));
          if (at < 0) at += rows;
          if (at == padding) continue;
          const bool is_first = size++ == 0;
          load_block(weight.dtype, weight.data + size_t(at) * bytes, 1, size_t(depth),
                     ComputeOf<C>::value, row);
          if (mode == Mode::kMax) {
            for (int64_t d = 0; d < depth; ++d) {
              if (!is_first && !(row[d] > sum[d])) continue;
              sum[d] = row[d];
              note(sources, b * depth + d, at);
            }
            continue;
          }
          const C factor =
              factors == nullptr ? C(1) : load_element<C>(factors->dtype, factors->data, i);
          for (int64_t d = 0; d < depth; ++d) sum[d] += factor * row[d];
        }
        if (mode == Mode::kMean && size > 1) {
          for (int64_t d = 0; d < depth; ++d) sum[d] /= C(size);
        }
        const int64_t noted = mode == Mode::kSum ? 0 : size;
        note(sizes, b, noted);
        if (mode != Mode::kMax) note(sources, b, noted);
        store_block(out.dtype, out.data + size_t(b) * bytes, 1, size_t(depth), ComputeOf<C>::value,
                    sum);
      }
    };
    call.pool().parallel_for(size_t(bags), 64, range);
    return {};
  });
}

constexpr Operator kOperators[] = {
    {"aten::_embedding_bag.out", "TTTBIBtBIWWWW", embedding_bag},
    {"aten::_embedding_bag_forward_only.out", "TTTBIBtBIWWWW", embedding_bag},
};
constexpr auto kTable = of_category(Category::kElementwise, kOperators);

}  // namespace

std::span<const Operator> embedding_bag_operators() { return kTable; }

}  // namespace smelt::program
