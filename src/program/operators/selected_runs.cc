#include "program/operators/selected_runs.h"

#include <algorithm>
#include <cstring>

namespace smelt::program {
namespace {

/// Neighbouring places that one copy serves.
struct Run {
  int64_t from, count;
};

constexpr size_t kParallelElements = 65536;
/// Single elements are moved one by one where copies would be shorter than this.
constexpr size_t kShortCopy = 8;

size_t count_runs(const SelectedRuns& r) {
  size_t runs = r.count != 0;
  for (size_t i = 1; i < r.count; ++i) runs += r.offsets[i] != r.offsets[i - 1] + int64_t(r.tail);
  return runs;
}

void find_runs(const SelectedRuns& r, Run* runs) {
  for (size_t i = 0; i < r.count; ++i) {
    const bool longer = i > 0 && r.offsets[i] == r.offsets[i - 1] + int64_t(r.tail);
    if (longer) {
      runs[-1].count += int64_t(r.tail);
    } else {
      *runs++ = {r.offsets[i], int64_t(r.tail)};
    }
  }
}

void copy_runs(const Run* runs, size_t count, size_t size, const std::byte* from, std::byte* to) {
  for (size_t i = 0; i < count; ++i) {
    const size_t bytes = size_t(runs[i].count) * size;
    std::memcpy(to, from + runs[i].from * ptrdiff_t(size), bytes);
    to += bytes;
  }
}

/// Single elements, row by row of the result; a row like the one before it is a copy of that.
template <class T>
void gather_elements(const SelectedRuns& r, const T* from, T* to) {
  const size_t width = r.width;
  const int64_t* at = r.offsets;
  for (size_t row = 0; row < r.count; row += width, at += width, to += width) {
    if (row != 0 && std::equal(at, at + width, at - width)) {
      std::memcpy(to, to - width, width * sizeof(T));
    } else {
      for (size_t i = 0; i < width; ++i) to[i] = from[at[i]];
    }
  }
}

}  // namespace

Status gather_runs(Call& call, const SelectedRuns& r, size_t size, const std::byte* from,
                   std::byte* to) {
  if (r.lead == 0 || r.count == 0 || r.tail == 0) return {};
  const size_t places = r.count * r.tail;
  const size_t found = count_runs(r);
  const auto each_lead = [&](auto copy) {
    const auto range = [&](size_t begin, size_t end, unsigned) {
      for (size_t l = begin; l < end; ++l) copy(from + l * r.block * size, to + l * places * size);
    };
    if (r.lead * places < kParallelElements || call.pool().workers() == 1) {
      range(0, r.lead, 0);
    } else {
      call.pool().parallel_for(r.lead, std::max<size_t>(1, kParallelElements / 4 / places), range);
    }
  };
  if (r.tail == 1 && places < found * kShortCopy) {
    with_bytes_of(size, [&]<class T>(T) {
      each_lead([&](const std::byte* x, std::byte* y) {
        gather_elements(r, reinterpret_cast<const T*>(x), reinterpret_cast<T*>(y));
      });
    });
    return {};
  }
  SMELT_ASSIGN(Run * runs, call.scratch().take<Run>(found));
  find_runs(r, runs);
  each_lead([&](const std::byte* x, std::byte* y) { copy_runs(runs, found, size, x, y); });
  return {};
}

void scatter_runs(const SelectedRuns& r, size_t size, const std::byte* from, std::byte* to) {
  const size_t bytes = r.tail * size;
  for (size_t l = 0; l < r.lead; ++l, to += r.block * size) {
    for (size_t i = 0; i < r.count; ++i, from += bytes) {
      std::memcpy(to + r.offsets[i] * ptrdiff_t(size), from, bytes);
    }
  }
}

}  // namespace smelt::program
