#include "program/strided.h"

#include <algorithm>
#include <cstring>

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

void copy(const Strided& dst, const Strided& src) {
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
    copy(real_part(dst), real_part(src));
    if (is_complex(dst.dtype)) copy(imaginary_part(dst), imaginary_part(src));
    return;
  }
  size_t order[kMaxRank];
  const std::span<size_t> dims(order, dst.shape.rank());
  order_by_stride(dst.strides, dims);
  const Shape* const strides[] = {&dst.strides, &src.strides};
  const Loops<2> loops(dst.shape, dims, strides);
  if (dst.dtype == src.dtype) {
    with_bytes_of(element_size(dst.dtype),
                  [&]<class T>(T) { copy_rows<T>(loops, dst.data, src.data, count); });
    return;
  }
  // Through the wider of the two computing types, so that neither integers nor reals lose anything
  // on the way.
  Compute via = compute_of(src.dtype);
  if (via == Compute::kF32 && dst.dtype == DType::kF64) via = Compute::kF64;
  if (via == Compute::kS64 && compute_of(dst.dtype) != Compute::kS64) {
    via = compute_of(dst.dtype);
  }
  alignas(64) std::byte block[kBlock * kComputeBytesMax];
  const size_t inner = loops.rank - 1;
  const ptrdiff_t dsize = ptrdiff_t(element_size(dst.dtype));
  const ptrdiff_t ssize = ptrdiff_t(element_size(src.dtype));
  Cursor<2> at(loops, 0);
  for (size_t done = 0; done < count;) {
    const size_t n = std::min(size_t(at.left_in_row()), kBlock);
    load_block(src.dtype, src.data + at.offset[1] * ssize, loops.stride[1][inner], n, via, block);
    store_block(dst.dtype, dst.data + at.offset[0] * dsize, loops.stride[0][inner], n, via, block);
    at.advance(int64_t(n));
    done += n;
  }
}

void map(ThreadPool& pool, Compute compute, const Strided& out, std::span<const Strided> inputs,
         BlockFn fn, const void* params) {
  const size_t count = out.shape.numel();
  if (count == 0) return;
  size_t order[kMaxRank];
  const std::span<size_t> dims(order, out.shape.rank());
  order_by_stride(out.strides, dims);
  Strided in[kMapInputsMax];
  const Shape* strides[kMapInputsMax + 1] = {&out.strides};
  for (size_t k = 0; k < inputs.size(); ++k) {
    in[k] = broadcast(inputs[k], out.shape);
    strides[k + 1] = &in[k].strides;
  }
  const Loops<kMapInputsMax + 1> loops = [&] {
    Loops<kMapInputsMax + 1> l(out.shape, dims, {strides, inputs.size() + 1});
    for (size_t k = inputs.size() + 1; k <= kMapInputsMax; ++k) {
      std::fill_n(l.stride[k], l.rank, 0);
    }
    return l;
  }();
  const DType same = native(compute);
  const size_t inner = loops.rank - 1;
  const ptrdiff_t osize = ptrdiff_t(element_size(out.dtype));
  const ptrdiff_t ostride = loops.stride[0][inner];
  const bool direct_out = out.dtype == same && ostride == 1;
  bool direct_in[kMapInputsMax];
  for (size_t k = 0; k < inputs.size(); ++k) {
    direct_in[k] = in[k].dtype == same && loops.stride[k + 1][inner] == 1;
  }

  const auto range = [&](size_t begin, size_t end, unsigned) {
    alignas(64) std::byte blocks[kMapInputsMax + 1][kBlock * kComputeBytesMax];
    bool filled[kMapInputsMax] = {};  // the block holds a constant of this row already
    Cursor<kMapInputsMax + 1> at(loops, begin);
    while (begin < end) {
      // Blocks bound the buffers, so rows that need none go in one piece.
      const size_t row = std::min(size_t(at.left_in_row()), end - begin);
      const size_t n = std::min(row, kBlock);
      const void* from[kMapInputsMax];
      for (size_t k = 0; k < inputs.size(); ++k) {
        const ptrdiff_t stride = loops.stride[k + 1][inner];
        const std::byte* p = in[k].data + at.offset[k + 1] * ptrdiff_t(element_size(in[k].dtype));
        if (direct_in[k]) {
          from[k] = p;
          continue;
        }
        if (!(stride == 0 && filled[k])) {
          load_block(in[k].dtype, p, stride, stride == 0 ? kBlock : n, compute, blocks[k]);
          filled[k] = stride == 0;
        }
        from[k] = blocks[k];
      }
      std::byte* to = out.data + at.offset[0] * osize;
      if (direct_out) {
        fn(from, to, n, params);
      } else {
        fn(from, blocks[kMapInputsMax], n, params);
        store_block(out.dtype, to, ostride, n, compute, blocks[kMapInputsMax]);
      }
      if (n == size_t(at.left_in_row())) std::fill_n(filled, kMapInputsMax, false);
      at.advance(int64_t(n));
      begin += n;
    }
  };
  if (count < 2 * kParallelGrain || pool.workers() == 1) {
    range(0, count, 0);
  } else {
    pool.parallel_for(count, kParallelGrain, range);
  }
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
