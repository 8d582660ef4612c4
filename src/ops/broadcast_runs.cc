#include "ops/broadcast_runs.h"

#include <cstring>

namespace smelt {

namespace {

// Runs from this length on are worth a call each.
constexpr size_t kLongRun = 64;

struct Dim {
  size_t extent;
  std::array<size_t, 2> stride;  ///< of both operands, in elements
};

// Innermost first, with neighbours merged that both operands step through alike. At least one.
std::vector<Dim> merged_dims(const Shape& lhs, const Shape& rhs, const Shape& out) {
  std::vector<Dim> dims;
  size_t lhs_stride = 1, rhs_stride = 1;
  for (size_t i = 0; i < out.rank(); ++i) {
    const size_t extent = size_t(out.back(i));
    const size_t a = i < lhs.rank() ? size_t(lhs.back(i)) : 1;
    const size_t b = i < rhs.rank() ? size_t(rhs.back(i)) : 1;
    const Dim dim{extent, {a == 1 ? 0 : lhs_stride, b == 1 ? 0 : rhs_stride}};
    lhs_stride *= a;
    rhs_stride *= b;
    if (extent == 1) continue;
    if (!dims.empty()) {
      Dim& inner = dims.back();
      if (dim.stride[0] == inner.stride[0] * inner.extent &&
          dim.stride[1] == inner.stride[1] * inner.extent) {
        inner.extent *= extent;
        continue;
      }
    }
    dims.push_back(dim);
  }
  if (dims.empty()) dims.push_back({1, {1, 1}});
  return dims;
}

// Each element `times` times in a row, in pieces of 16 bytes, the next of which overwrites what is
// too much.
template <class T>
void repeat_elements(const std::byte* in, std::byte* out, size_t n, size_t times) {
  constexpr size_t kPiece = 16 / sizeof(T);
  for (size_t i = 0; i < n; ++i, out += times * sizeof(T)) {
    T element;
    std::memcpy(&element, in + i * sizeof(T), sizeof(T));
    T piece[kPiece];
    for (T& p : piece) p = element;
    for (size_t t = 0; t < times; t += kPiece)
      std::memcpy(out + t * sizeof(T), piece, sizeof piece);
  }
}

void repeat(size_t element, const std::byte* in, std::byte* out, size_t n, size_t times) {
  switch (element) {
    case 4:
      return repeat_elements<uint32_t>(in, out, n, times);
    case 2:
      return repeat_elements<uint16_t>(in, out, n, times);
    default:
      return repeat_elements<uint8_t>(in, out, n, times);
  }
}

// Writes `unit` bytes `times` times, of which the first are there.
void duplicate(std::byte* out, size_t unit, size_t times) {
  for (size_t done = 1; done < times;) {
    const size_t more = std::min(done, times - done);
    std::memcpy(out + done * unit, out, more * unit);
    done += more;
  }
}

}  // namespace

BroadcastRuns::BroadcastRuns(const Shape& lhs, const Shape& rhs, const Shape& out, size_t element)
    : element_(element) {
  const std::vector<Dim> dims = merged_dims(lhs, rhs, out);
  // A run: all of the innermost dimensions, and a part of the last of them.
  size_t inner = 1, last = 0;
  if (dims[0].extent < kLongRun)
    while (last + 1 < dims.size() && inner * dims[last].extent < kBlock)
      inner *= dims[last++].extent;
  const size_t whole = dims[last].extent;
  const size_t part = last == 0 ? whole : std::min(whole, std::max<size_t>(1, kBlock / inner));
  run_ = inner * part;
  extent_[0] = (whole + part - 1) / part;
  last_run_ = run_ - (extent_[0] * part - whole) * inner;

  for (size_t s = 0; s < 2; ++s) {
    Side& side = sides_[s];
    // The operand's own levels within a run.
    size_t levels = 0;
    for (size_t d = 0; d <= last; ++d) {
      const auto add = [&](std::array<Level, kMaxRank>& to, size_t extent) {
        if (levels != 0 && dims[d].stride[s] == to[levels - 1].stride * to[levels - 1].extent) {
          to[levels - 1].extent *= extent;
          return false;
        }
        to[levels] = {extent, dims[d].stride[s]};
        return true;
      };
      add(side.last, d < last ? dims[d].extent : last_run_ / inner);
      levels += add(side.level, d < last ? dims[d].extent : part);
    }
    const bool single = levels == 1 && side.level[0].stride == 0;
    side.step = single ? 0 : element;
    if (single) broadcast_ = s == 0 ? Broadcast::kLhs : Broadcast::kRhs;
    side.levels = levels == 1 ? 0 : levels;
    side.outer[0] = part * dims[last].stride[s] * element;
    for (size_t d = last + 1; d < dims.size(); ++d)
      side.outer[d - last] = dims[d].stride[s] * element;
  }
  outer_ = extent_[0];
  for (size_t d = last + 1; d < dims.size(); ++d) {
    extent_[rank_++] = dims[d].extent;
    outer_ *= dims[d].extent;
  }
}

BroadcastRuns::Place::Place(const BroadcastRuns& runs, size_t run) : runs_(runs) {
  const size_t line = (runs.extent_[0] - 1) * runs.run_ + runs.last_run_;
  out_ = (run / runs.extent_[0] * line + run % runs.extent_[0] * runs.run_) * runs.element_;
  for (size_t i = 0; i < runs.rank_; ++i) {
    index_[i] = run % runs.extent_[i];
    run /= runs.extent_[i];
    for (size_t s = 0; s < 2; ++s) offset_[s] += index_[i] * runs.sides_[s].outer[i];
  }
}

void BroadcastRuns::Place::next() {
  out_ += count() * runs_.element_;
  for (size_t i = 0; i < runs_.rank_; ++i) {
    for (size_t s = 0; s < 2; ++s) offset_[s] += runs_.sides_[s].outer[i];
    if (++index_[i] < runs_.extent_[i]) return;
    for (size_t s = 0; s < 2; ++s) offset_[s] -= index_[i] * runs_.sides_[s].outer[i];
    index_[i] = 0;
  }
}

const std::byte* BroadcastRuns::Place::operand(size_t s, const std::byte* first, size_t count) {
  const Side& side = runs_.sides_[s];
  const std::byte* from = first + offset_[s];
  if (side.levels == 0) return from;
  if (written_[s] != from || written_count_[s] < count) {
    const auto& levels = count == runs_.run_ ? side.level : side.last;
    runs_.write_out(levels.data(), side.levels, from, buffer_[s]);
    written_[s] = from;
    written_count_[s] = count;
  }
  return buffer_[s];
}

// Strides are 0 and not 0 in turn, and the innermost that is not 0 is 1.
void BroadcastRuns::write_out(const Level* levels, size_t count, const std::byte* in,
                              std::byte* out) const {
  const Level& top = levels[count - 1];
  if (count == 1 && top.stride != 0) {
    std::memcpy(out, in, top.extent * element_);
    return;
  }
  if (count == 1) return repeat(element_, in, out, 1, top.extent);
  if (count == 2 && levels[0].stride == 0)
    return repeat(element_, in, out, top.extent, levels[0].extent);
  size_t unit = element_;
  for (size_t l = 0; l + 1 < count; ++l) unit *= levels[l].extent;
  if (top.stride == 0) {
    write_out(levels, count - 1, in, out);
    return duplicate(out, unit, top.extent);
  }
  for (size_t i = 0; i < top.extent; ++i)
    write_out(levels, count - 1, in + i * top.stride * element_, out + i * unit);
}

}  // namespace smelt
