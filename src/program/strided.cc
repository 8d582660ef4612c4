#include "program/strided.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/vector/strided_copy.h"
#include "program/types.h"

namespace smelt::program {
namespace {

/// Loops over the elements of one tensor and the places of the same elements in others, with as few
/// dimensions as their strides allow.
template <size_t N>
struct Loops {
  size_t rank = 0;
  int64_t extent[kMaxRank];
  int64_t stride[N][kMaxRank];

  Loops() = default;
  /// `order` lists the dimensions, outermost first.
  Loops(const Shape& shape, std::span<const size_t> order, std::span<const Shape* const> strides) {
    for (const size_t d : order) {
      if (shape[d] == 1) continue;
      bool merge = rank > 0;
      for (size_t k = 0; merge && k < strides.size(); ++k) {
        merge = stride[k][rank - 1] == (*strides[k])[d] * shape[d];
      }
      const size_t at = merge ? rank - 1 : rank++;
      extent[at] = (merge ? extent[at] : 1) * shape[d];
      for (size_t k = 0; k < strides.size(); ++k) stride[k][at] = (*strides[k])[d];
    }
    if (rank == 0) {
      rank = 1;
      extent[0] = 1;
      for (size_t k = 0; k < N; ++k) stride[k][0] = 1;
    }
  }
};

/// Dimensions by falling stride, so that the innermost loop walks through neighbours.
void order_by_stride(const Shape& strides, std::span<size_t> order) {
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto size = [&](size_t d) { return std::abs(strides[d]); };
  // Insertion sort: stable, and the rank is small.
  for (size_t i = 1; i < order.size(); ++i) {
    for (size_t j = i; j > 0 && size(order[j - 1]) < size(order[j]); --j) {
      std::swap(order[j - 1], order[j]);
    }
  }
}

/// A position in Loops, with the offsets that belong to it.
template <size_t N>
struct Cursor {
  const Loops<N>& loops;
  int64_t index[kMaxRank] = {};
  int64_t offset[N] = {};

  Cursor(const Loops<N>& l, size_t linear) : loops(l) {
    for (size_t d = l.rank; d-- > 0;) {
      index[d] = int64_t(linear % size_t(l.extent[d]));
      linear /= size_t(l.extent[d]);
      for (size_t k = 0; k < N; ++k) offset[k] += index[d] * l.stride[k][d];
    }
  }
  int64_t left_in_row() const { return loops.extent[loops.rank - 1] - index[loops.rank - 1]; }
  /// By n elements, which do not leave the row.
  void advance(int64_t n) {
    size_t d = loops.rank - 1;
    index[d] += n;
    for (size_t k = 0; k < N; ++k) offset[k] += n * loops.stride[k][d];
    while (d > 0 && index[d] == loops.extent[d]) {
      for (size_t k = 0; k < N; ++k) {
        offset[k] += loops.stride[k][d - 1] - index[d] * loops.stride[k][d];
      }
      index[d--] = 0;
      ++index[d];
    }
  }
};

constexpr size_t kBlock = 256;
constexpr size_t kParallelGrain = 32768;

template <class T>
void copy_rows(const Loops<2>& loops, std::byte* dst, const std::byte* src, size_t count) {
  const int64_t inner = loops.extent[loops.rank - 1];
  const int64_t ds = loops.stride[0][loops.rank - 1], ss = loops.stride[1][loops.rank - 1];
  Cursor<2> at(loops, 0);
  for (size_t done = 0; done < count; done += size_t(inner)) {
    T* d = reinterpret_cast<T*>(dst) + at.offset[0];
    const T* s = reinterpret_cast<const T*>(src) + at.offset[1];
    if (ds == 1 && ss == 1) {
      std::memmove(d, s, size_t(inner) * sizeof(T));
    } else {
      for (int64_t i = 0; i < inner; ++i) d[i * ds] = s[i * ss];
    }
    at.advance(inner);
  }
}

}  // namespace

bool same_places(const Strided& a, const Strided& b) {
  const size_t n = a.shape.numel();
  if (n != b.shape.numel()) return false;
  if (n == 0) return true;
  size_t order[kMaxRank];
  for (size_t d = 0; d < kMaxRank; ++d) order[d] = d;
  const auto loops = [&](const Strided& t) {
    const Shape* strides[] = {&t.strides};
    return Loops<1>(t.shape, std::span(order, t.shape.rank()), strides);
  };
  const Loops<1> x = loops(a), y = loops(b);
  return std::equal(x.extent, x.extent + x.rank, y.extent, y.extent + y.rank) &&
         std::equal(x.stride[0], x.stride[0] + x.rank, y.stride[0], y.stride[0] + y.rank);
}

void Strided::erase(size_t dim) {
  for (size_t i = dim; i + 1 < shape.rank(); ++i) {
    shape[i] = shape[i + 1];
    strides[i] = strides[i + 1];
  }
  shape.resize(shape.rank() - 1);
  strides.resize(strides.rank() - 1);
}

void Strided::insert(size_t dim, int64_t extent, int64_t stride) {
  shape.push_back(1);
  strides.push_back(1);
  for (size_t i = shape.rank() - 1; i > dim; --i) {
    shape[i] = shape[i - 1];
    strides[i] = strides[i - 1];
  }
  shape[dim] = extent;
  strides[dim] = stride;
}

Shape row_major_strides(const Shape& shape) {
  Shape s;
  s.resize(shape.rank());
  int64_t stride = 1;
  for (size_t i = shape.rank(); i-- > 0;) {
    s[i] = stride;
    stride *= shape[i];
  }
  return s;
}

Strided permuted(const Strided& t, std::span<const size_t> perm) {
  Strided r = t;
  for (size_t i = 0; i < perm.size(); ++i) {
    r.shape[i] = t.shape[perm[i]];
    r.strides[i] = t.strides[perm[i]];
  }
  return r;
}

Strided broadcast(const Strided& t, const Shape& to) {
  Strided r = t;
  r.shape = to;
  r.strides.resize(0);
  r.strides.resize(to.rank(), 0);
  const size_t lead = to.rank() - t.shape.rank();
  for (size_t i = 0; i < t.shape.rank(); ++i) {
    if (t.shape[i] == to[lead + i]) r.strides[lead + i] = t.strides[i];
  }
  return r;
}

Strided real_part(const Strided& t) {
  if (!is_complex(t.dtype)) return t;
  Strided r = t;
  r.dtype = part_of(t.dtype);
  for (size_t d = 0; d < r.strides.rank(); ++d) r.strides[d] *= 2;
  return r;
}

Strided imaginary_part(const Strided& t) {
  Strided r = real_part(t);
  if (is_complex(t.dtype)) {
    if (r.data != nullptr) r.data += element_size(r.dtype);
    return r;
  }
  static constexpr double kZero = 0;
  // Nobody writes through an operand.
  r.data = reinterpret_cast<std::byte*>(const_cast<double*>(&kZero));
  r.dtype = DType::kF64;
  for (size_t d = 0; d < r.strides.rank(); ++d) r.strides[d] = 0;
  return r;
}

namespace {

/// A copy that is worth planning.
constexpr size_t kPlannedCopy = 512;

/// Elements of one type, of at most eight bytes.
void copy_planned(const Machine& machine, const Loops<2>& loops, size_t size, std::byte* dst,
                  const std::byte* src) {
  std::array<StridedCopy::Dim, kMaxRank> dims;
  for (size_t d = 0; d < loops.rank; ++d) {
    dims[d] = {size_t(loops.extent[d]), ptrdiff_t(loops.stride[1][d] * int64_t(size)),
               ptrdiff_t(loops.stride[0][d] * int64_t(size))};
  }
  const StridedCopy plan(machine.kernels, size, {dims.data(), loops.rank});
  const size_t pieces = plan.pieces();
  if (pieces == 1 || plan.bytes() < 8 * kParallelGrain || machine.pool.workers() == 1) {
    return plan.run(src, dst, 0, pieces);
  }
  const size_t grain = std::max<size_t>(1, pieces * (4 * kParallelGrain) / plan.bytes());
  machine.pool.parallel_for(
      pieces, grain, [&](size_t begin, size_t end, unsigned) { plan.run(src, dst, begin, end); });
}

/// Neighbours to neighbours of another type.
void convert_run(const VectorKernels& kernels, DType from, const std::byte* src, DType to,
                 std::byte* dst, size_t n, Compute via) {
  if (from == native(via)) return store_run(kernels, to, dst, n, via, src);
  if (to == native(via)) return load_run(kernels, from, src, n, via, dst);
  alignas(64) std::byte block[kBlock * kComputeBytesMax];
  for (size_t i = 0; i < n; i += kBlock) {
    const size_t count = std::min(kBlock, n - i);
    load_run(kernels, from, src + i * element_size(from), count, via, block);
    store_run(kernels, to, dst + i * element_size(to), count, via, block);
  }
}

/// Elements [begin, end) of a copy between types.
void convert_range(const VectorKernels& kernels, const Loops<2>& loops, const Strided& dst,
                   const Strided& src, Compute via, size_t begin, size_t end) {
  const size_t inner = loops.rank - 1;
  const int64_t to_stride = loops.stride[0][inner], from_stride = loops.stride[1][inner];
  const bool runs = to_stride == 1 && from_stride == 1;
  alignas(64) std::byte block[kBlock * kComputeBytesMax];
  Cursor<2> at(loops, begin);
  while (begin < end) {
    const size_t row = std::min(size_t(at.left_in_row()), end - begin);
    const size_t n = runs ? row : std::min(row, kBlock);
    std::byte* to = dst.data + at.offset[0] * ptrdiff_t(element_size(dst.dtype));
    const std::byte* from = src.data + at.offset[1] * ptrdiff_t(element_size(src.dtype));
    if (runs) {
      convert_run(kernels, src.dtype, from, dst.dtype, to, n, via);
    } else {
      load_block(src.dtype, from, from_stride, n, via, block);
      store_block(dst.dtype, to, to_stride, n, via, block);
    }
    at.advance(int64_t(n));
    begin += n;
  }
}

}  // namespace

void copy(const Machine& machine, const Strided& dst, const Strided& src) {
  // Most copies are of neighbours to neighbours: no loops to set up.
  if (dst.dtype == src.dtype) {
    size_t count = 1;
    bool plain = true;
    for (size_t d = dst.shape.rank(); d-- > 0;) {
      const int64_t extent = dst.shape[d], step = int64_t(count);
      plain = plain && (extent == 1 || (dst.strides[d] == step && src.strides[d] == step));
      count *= size_t(extent);
    }
    if (plain) {
      if (count != 0) std::memmove(dst.data, src.data, count * element_size(dst.dtype));
      return;
    }
  }
  const size_t count = dst.shape.numel();
  if (count == 0) return;
  if (dst.dtype != src.dtype && (is_complex(dst.dtype) || is_complex(src.dtype))) {
    copy(machine, real_part(dst), real_part(src));
    if (is_complex(dst.dtype)) copy(machine, imaginary_part(dst), imaginary_part(src));
    return;
  }
  size_t order[kMaxRank];
  const std::span<size_t> dims(order, dst.shape.rank());
  order_by_stride(dst.strides, dims);
  const Shape* const strides[] = {&dst.strides, &src.strides};
  const Loops<2> loops(dst.shape, dims, strides);
  if (dst.dtype == src.dtype) {
    const size_t size = element_size(dst.dtype);
    if (count >= kPlannedCopy && size <= 8) {
      return copy_planned(machine, loops, size, dst.data, src.data);
    }
    with_bytes_of(size, [&]<class T>(T) { copy_rows<T>(loops, dst.data, src.data, count); });
    return;
  }
  // Through the wider of the two computing types, so that neither integers nor reals lose anything
  // on the way.
  Compute via = compute_of(src.dtype);
  if (via == Compute::kF32 && dst.dtype == DType::kF64) via = Compute::kF64;
  if (via == Compute::kS64 && compute_of(dst.dtype) != Compute::kS64) {
    via = compute_of(dst.dtype);
  }
  const auto range = [&](size_t begin, size_t end, unsigned) {
    convert_range(machine.kernels, loops, dst, src, via, begin, end);
  };
  if (count < 2 * kParallelGrain || machine.pool.workers() == 1) {
    range(0, count, 0);
  } else {
    machine.pool.parallel_for(count, kParallelGrain, range);
  }
}

namespace {

/// Loops of a map: the output's places, then each input's.
using MapLoops = Loops<kMapInputsMax + 1>;

/// Rows shorter than this are not worth a call each.
constexpr int64_t kShortRow = 48;

/// What a map runs over, and in which types its function works.
struct Mapping {
  const VectorKernels& kernels;
  MapLoops loops;
  Strided out;
  Strided in[kMapInputsMax];
  size_t inputs;
  bool converts;    ///< to and from `compute`; otherwise elements are as stored
  Compute compute;  ///< if `converts`
  BlockFn fn;
  const void* params;

  bool as_stored(DType t) const { return !converts || t == native(compute); }
  size_t block_bytes(DType t) const { return converts ? compute_bytes(compute) : element_size(t); }
  /// Whether the elements of operand k lie in the order of the loops, without gaps.
  bool linear(size_t k) const {
    int64_t step = 1;
    for (size_t d = loops.rank; d-- > 0;) {
      if (loops.stride[k][d] != step) return false;
      step *= loops.extent[d];
    }
    return true;
  }
  bool constant(size_t k) const {
    for (size_t d = 0; d < loops.rank; ++d) {
      if (loops.stride[k][d] != 0) return false;
    }
    return true;
  }
  void load(DType t, const std::byte* p, ptrdiff_t stride, size_t n, std::byte* block) const {
    if (stride == 1 && converts) return load_run(kernels, t, p, n, compute, block);
    if (converts) return load_block(t, p, stride, n, compute, block);
    with_bytes_of(element_size(t), [&]<class T>(T) {
      const T* from = reinterpret_cast<const T*>(p);
      T* to = reinterpret_cast<T*>(block);
      for (size_t i = 0; i < n; ++i) to[i] = from[ptrdiff_t(i) * stride];
    });
  }
  void store(DType t, std::byte* p, ptrdiff_t stride, size_t n, const std::byte* block) const {
    if (stride == 1 && converts) return store_run(kernels, t, p, n, compute, block);
    if (converts) return store_block(t, p, stride, n, compute, block);
    with_bytes_of(element_size(t), [&]<class T>(T) {
      const T* from = reinterpret_cast<const T*>(block);
      T* to = reinterpret_cast<T*>(p);
      for (size_t i = 0; i < n; ++i) to[ptrdiff_t(i) * stride] = from[i];
    });
  }
};

/// Elements [begin, end), a row or a block of it at a time.
void map_rows(const Mapping& m, size_t begin, size_t end) {
  const size_t inner = m.loops.rank - 1;
  const ptrdiff_t osize = ptrdiff_t(element_size(m.out.dtype));
  const ptrdiff_t ostride = m.loops.stride[0][inner];
  const bool direct_out = m.as_stored(m.out.dtype) && ostride == 1;
  bool direct_in[kMapInputsMax];
  for (size_t k = 0; k < m.inputs; ++k) {
    direct_in[k] = m.as_stored(m.in[k].dtype) && m.loops.stride[k + 1][inner] == 1;
  }
  alignas(64) std::byte blocks[kMapInputsMax + 1][kBlock * kComputeBytesMax];
  bool filled[kMapInputsMax] = {};  // the block holds a constant of this row already
  Cursor<kMapInputsMax + 1> at(m.loops, begin);
  while (begin < end) {
    const size_t row = std::min(size_t(at.left_in_row()), end - begin);
    const size_t n = std::min(row, kBlock);
    const void* from[kMapInputsMax];
    for (size_t k = 0; k < m.inputs; ++k) {
      const DType t = m.in[k].dtype;
      const ptrdiff_t stride = m.loops.stride[k + 1][inner];
      const std::byte* p = m.in[k].data + at.offset[k + 1] * ptrdiff_t(element_size(t));
      if (direct_in[k]) {
        from[k] = p;
        continue;
      }
      if (!(stride == 0 && filled[k])) {
        m.load(t, p, stride, stride == 0 ? std::min(row, kBlock) : n, blocks[k]);
        filled[k] = stride == 0;
      }
      from[k] = blocks[k];
    }
    std::byte* to = m.out.data + at.offset[0] * osize;
    if (direct_out) {
      m.fn(from, to, n, m.params);
    } else {
      m.fn(from, blocks[kMapInputsMax], n, m.params);
      m.store(m.out.dtype, to, ostride, n, blocks[kMapInputsMax]);
    }
    if (n == size_t(at.left_in_row())) std::fill_n(filled, kMapInputsMax, false);
    at.advance(int64_t(n));
    begin += n;
  }
}

/// The places of one operand of a map, as loops of their own.
Loops<1> loops_of(const MapLoops& all, size_t k) {
  Loops<1> one;
  one.rank = all.rank;
  std::copy_n(all.extent, all.rank, one.extent);
  std::copy_n(all.stride[k], all.rank, one.stride[0]);
  return one;
}

/// Calls f(place, stride, elements) for the parts of rows that n elements from `at` on are made of.
template <class F>
void each_part(Cursor<1>& at, size_t n, F f) {
  const int64_t stride = at.loops.stride[0][at.loops.rank - 1];
  while (n > 0) {
    const int64_t part = std::min(at.left_in_row(), int64_t(n));
    f(at.offset[0], stride, part);
    at.advance(part);
    n -= size_t(part);
  }
}

/// Elements [begin, end) where rows are short: blocks are gathered from several rows.
void map_gathered(const Mapping& m, size_t begin, size_t end) {
  enum class Kind { kLinear, kConstant, kElsewhere };
  const auto kind_of = [&](size_t k) {
    return m.linear(k) ? Kind::kLinear : m.constant(k) ? Kind::kConstant : Kind::kElsewhere;
  };
  Loops<1> loops[kMapInputsMax + 1];
  Kind kinds[kMapInputsMax + 1];
  for (size_t k = 0; k <= m.inputs; ++k) {
    loops[k] = loops_of(m.loops, k);
    kinds[k] = kind_of(k);
  }
  Cursor<1> at[kMapInputsMax + 1] = {{loops[0], begin},
                                     {loops[m.inputs > 0 ? 1 : 0], begin},
                                     {loops[m.inputs > 1 ? 2 : 0], begin},
                                     {loops[m.inputs > 2 ? 3 : 0], begin},
                                     {loops[m.inputs > 3 ? 4 : 0], begin}};
  alignas(64) std::byte blocks[kMapInputsMax + 1][kBlock * kComputeBytesMax];
  alignas(64) std::byte gathered[kBlock * kComputeBytesMax];
  for (size_t k = 0; k < m.inputs; ++k) {
    if (kinds[k + 1] == Kind::kConstant) m.load(m.in[k].dtype, m.in[k].data, 0, kBlock, blocks[k]);
  }
  for (size_t n; begin < end; begin += n) {
    n = std::min(end - begin, kBlock);
    const void* from[kMapInputsMax];
    for (size_t k = 0; k < m.inputs; ++k) {
      const DType t = m.in[k].dtype;
      const size_t size = element_size(t);
      from[k] = blocks[k];
      if (kinds[k + 1] == Kind::kConstant) continue;
      const std::byte* p = m.in[k].data + begin * size;
      if (kinds[k + 1] == Kind::kElsewhere) {
        std::byte* to = m.as_stored(t) ? blocks[k] : gathered;
        with_bytes_of(size, [&]<class T>(T) {
          T* next = reinterpret_cast<T*>(to);
          const T* base = reinterpret_cast<const T*>(m.in[k].data);
          each_part(at[k + 1], n, [&](int64_t offset, int64_t stride, int64_t count) {
            for (int64_t i = 0; i < count; ++i) *next++ = base[offset + i * stride];
          });
        });
        p = to;
      }
      if (m.as_stored(t)) {
        from[k] = p;
      } else {
        m.load(t, p, 1, n, blocks[k]);
      }
    }
    const DType t = m.out.dtype;
    const size_t size = element_size(t);
    std::byte* const block = blocks[kMapInputsMax];
    if (kinds[0] == Kind::kLinear) {
      std::byte* to = m.out.data + begin * size;
      m.fn(from, m.as_stored(t) ? to : block, n, m.params);
      if (!m.as_stored(t)) m.store(t, to, 1, n, block);
      continue;
    }
    m.fn(from, block, n, m.params);
    if (!m.as_stored(t)) m.store(t, gathered, 1, n, block);
    with_bytes_of(size, [&]<class T>(T) {
      const T* next = reinterpret_cast<const T*>(m.as_stored(t) ? block : gathered);
      T* base = reinterpret_cast<T*>(m.out.data);
      each_part(at[0], n, [&](int64_t offset, int64_t stride, int64_t count) {
        for (int64_t i = 0; i < count; ++i) base[offset + i * stride] = *next++;
      });
    });
  }
}

void map_all(const Machine& machine, bool converts, Compute compute, const Strided& out,
             std::span<const Strided> inputs, BlockFn fn, const void* params) {
  const size_t count = out.shape.numel();
  if (count == 0) return;
  size_t order[kMaxRank];
  const std::span<size_t> dims(order, out.shape.rank());
  order_by_stride(out.strides, dims);
  Mapping m{machine.kernels, {}, out, {}, inputs.size(), converts, compute, fn, params};
  const Shape* strides[kMapInputsMax + 1] = {&out.strides};
  for (size_t k = 0; k < inputs.size(); ++k) {
    m.in[k] = broadcast(inputs[k], out.shape);
    strides[k + 1] = &m.in[k].strides;
  }
  m.loops = MapLoops(out.shape, dims, {strides, inputs.size() + 1});
  for (size_t k = inputs.size() + 1; k <= kMapInputsMax; ++k) {
    std::fill_n(m.loops.stride[k], m.loops.rank, 0);
  }
  const bool gathers = m.loops.rank > 1 && m.loops.extent[m.loops.rank - 1] < kShortRow;
  const auto range = [&](size_t begin, size_t end, unsigned) {
    gathers ? map_gathered(m, begin, end) : map_rows(m, begin, end);
  };
  if (count < 2 * kParallelGrain || machine.pool.workers() == 1) {
    range(0, count, 0);
  } else {
    machine.pool.parallel_for(count, kParallelGrain, range);
  }
}

}  // namespace

void map(const Machine& machine, Compute compute, const Strided& out,
         std::span<const Strided> inputs, BlockFn fn, const void* params) {
  map_all(machine, true, compute, out, inputs, fn, params);
}

void map_stored(const Machine& machine, const Strided& out, std::span<const Strided> inputs,
                BlockFn fn, const void* params) {
  map_all(machine, false, Compute::kS64, out, inputs, fn, params);
}

Result<Shape> broadcast_shapes(const Shape& a, const Shape& b) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  Shape r = longer;
  const size_t lead = longer.rank() - shorter.rank();
  for (size_t i = 0; i < shorter.rank(); ++i) {
    const int64_t x = longer[lead + i], y = shorter[i];
    if (x != y && x != 1 && y != 1) {
      return fail(ErrorCode::kInvalidFile, "shapes {} and {} do not broadcast", to_string(a),
                  to_string(b));
    }
    r[lead + i] = x == 1 ? y : x;
  }
  return r;
}

Result<size_t> normalize_dim(int64_t dim, size_t rank) {
  const int64_t n = std::max<int64_t>(int64_t(rank), 1);
  if (dim < -n || dim >= n) {
    return fail(ErrorCode::kInvalidFile, "dimension {} of a tensor of rank {}", dim, rank);
  }
  return size_t(dim < 0 ? dim + n : dim);
}

}  // namespace smelt::program
