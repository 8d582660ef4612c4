// Where sums in ZA start, and what becomes of them: one policy per kind of output. The algebra is
// in gemm/int8_sums.inl.
//
// Row r of all four tiles is read at once, finished, and stored. What belongs to columns is loaded
// once per grid of tiles (see gemm/mopa.inl), and repeated where tiles share columns.
#pragma once

#include "kernels/gemm/gemm_kernel.h"

namespace smelt {
namespace {

/// What a policy needs to finish rows. Vectors cannot be members, so this holds the scalars.
struct Grid {
  const GemmBlock& g;
  size_t m0, rows;  ///< the rows of the block that the grid holds
  size_t n0, nb;    ///< its columns
};

/// Four vectors of a field of the panel, as the tiles of a grid need them.
template <int kCols>
SMELT_INLINE Float4 columns(const std::byte* field) SMELT_FN {
  return svreinterpret_f32(load_columns<kCols, 0>(field));
}

/// All sums begin as the panel's head field, or as 0.
template <class Sum, int kCols>
SMELT_INLINE void start(const std::byte* panel) SMELT_FN {
  if constexpr (Sum::kHeadFields == 0) return svzero_za();
  const Bytes4 v = svreinterpret_u8(columns<kCols>(panel));
  for (uint32_t slice = 0, end = opaque(uint32_t(4 * svcntw())); slice != end;
       slice = opaque(slice + 16)) {
    write_row(slice, v);
    write_row(slice + 4, v);
    write_row(slice + 8, v);
    write_row(slice + 12, v);
  }
}

/// Four vectors of the tail field that f counts, if there is one.
template <class Sum, int kCols>
SMELT_INLINE Float4 tail_columns(const std::byte* tail, size_t f) SMELT_FN {
  return f < Sum::kTailFields ? columns<kCols>(tail + f * 4 * svcntb()) : svundef4_f32();
}

/// The first n columns of one, two or four vectors of a row's results; integers get the zero point
/// of the output.
template <class T>
SMELT_INLINE void put(const Grid&, T* o, size_t n, svfloat32_t v) SMELT_FN {
  store1(o, lanes_from(0, n), v);
}
SMELT_INLINE void put(const Grid& at, int8_t* o, size_t n, svint32_t v) SMELT_FN {
  store1(o, lanes_from(0, n), svadd_x(svptrue_b32(), v, svdup_s32(at.g.stage.zero)));
}
template <class T>
SMELT_INLINE void put(const Grid&, T* o, size_t n, svfloat32_t v, svfloat32_t w) SMELT_FN {
  put_columns(o, n, v, w);
}
SMELT_INLINE void put(const Grid& at, int8_t* o, size_t n, svint32_t v, svint32_t w) SMELT_FN {
  put_columns(o, n, v, w, at.g.stage.zero);
}
template <class T>
SMELT_INLINE void put(const Grid&, T* o, size_t n, Float4 v) SMELT_FN {
  put_columns(o, n, v);
}
SMELT_INLINE void put(const Grid& at, int8_t* o, size_t n, Int4 v) SMELT_FN {
  put_columns(o, n, v, at.g.stage.zero);
}

/// Stores row r of all tiles, unless it lies beyond the grid.
template <int kRows, int kCols, class Elem, class V>
SMELT_INLINE void store_rows(const Grid& at, void* const* out, size_t r, V v) SMELT_FN {
  const size_t vl = svcntw(), n0 = at.n0, nb = at.nb;
  const auto row = [=](size_t down) SMELT_FN { return static_cast<Elem*>(out[down]) + n0; };
  if constexpr (kCols == 4) {
    put(at, row(0), nb, v);
  } else if constexpr (kCols == 3) {
    put(at, row(0), 2 * vl, svget4(v, 0), svget4(v, 1));
    put(at, row(0) + 2 * vl, nb - 2 * vl, svget4(v, 2));
  } else if constexpr (kCols == 2) {
    put(at, row(0), nb, svget4(v, 0), svget4(v, 1));
    if (kRows > 1 && r + vl < at.rows) put(at, row(vl), nb, svget4(v, 2), svget4(v, 3));
  } else {
    put(at, row(0), nb, svget4(v, 0));
    if (kRows > 1 && r + vl < at.rows) put(at, row(vl), nb, svget4(v, 1));
    if (kRows > 2 && r + 2 * vl < at.rows) put(at, row(2 * vl), nb, svget4(v, 2));
    if (kRows > 3 && r + 3 * vl < at.rows) put(at, row(3 * vl), nb, svget4(v, 3));
  }
}

/// Finishes and stores row r of all tiles, which begins at ZA slice `slice` and goes to *out.
template <class Sum, int kRows, int kCols>
SMELT_INLINE void finish_row(const Grid& at, size_t r, uint32_t slice, void* const* out, Float4 f0,
                             Float4 f1, Float4 f2) SMELT_FN {
  store_rows<kRows, kCols, typename Sum::Elem>(
      at, out, r, Sum::template value<kRows, kCols>(at, r, read_row(slice), f0, f1, f2));
}

/// Finishes and stores a grid; `tail` is where the panel's tail fields begin.
template <class Sum, int kRows, int kCols>
SMELT_INLINE void finish(const Grid& at, const std::byte* tail) SMELT_FN {
  const size_t vl = svcntw(), reads = at.rows < vl ? at.rows : vl;
  const Float4 f0 = tail_columns<Sum, kCols>(tail, 0), f1 = tail_columns<Sum, kCols>(tail, 1);
  const Float4 f2 = tail_columns<Sum, kCols>(tail, 2);
  void* const* out = at.g.out + at.m0;
  uint32_t slice = 0;
  size_t r = 0;
  for (const uint32_t end = opaque(uint32_t(reads / 4 * 16)); slice != end;
       r += 4, out += 4, slice = opaque(slice + 16)) {
    finish_row<Sum, kRows, kCols>(at, r, slice, out, f0, f1, f2);
    finish_row<Sum, kRows, kCols>(at, r + 1, slice + 4, out + 1, f0, f1, f2);
    finish_row<Sum, kRows, kCols>(at, r + 2, slice + 8, out + 2, f0, f1, f2);
    finish_row<Sum, kRows, kCols>(at, r + 3, slice + 12, out + 3, f0, f1, f2);
  }
  for (; r < reads; ++r, ++out, slice += 4)
    finish_row<Sum, kRows, kCols>(at, r, slice, out, f0, f1, f2);
}

/// For kernels of one row: finishes and stores columns n … of it; `tail` is where the tail fields
/// of their panel begin.
template <class Sum>
SMELT_INLINE void finish_one_row(const GemmBlock& g, Bytes4 sum, const std::byte* tail, size_t n)
    SMELT_FN {
  const size_t nr = 4 * svcntw();
  const Grid at{g, 0, 1, n, g.n - n < nr ? g.n - n : nr};
  put(at, static_cast<typename Sum::Elem*>(g.out[0]) + n, at.nb,
      Sum::template value<1, 4>(at, 0, sum, tail_columns<Sum, 4>(tail, 0),
                                tail_columns<Sum, 4>(tail, 1), tail_columns<Sum, 4>(tail, 2)));
}

/// Floating sums -> Elem. Layout: kBias | data.
template <class T>
struct FloatSum {
  using Elem = T;
  static constexpr size_t kHeadFields = 1, kTailFields = 0;

  template <int kRows, int kCols>
  static SMELT_INLINE Float4 value(const Grid& at, size_t, Bytes4 sum, Float4, Float4, Float4)
      SMELT_FN {
    return clamp4(svreinterpret_f32(sum), svdup_f32(at.g.stage.min), svdup_f32(at.g.stage.max));
  }
};

/// int8 -> int8. Layout: kFoldedBias | data | kScale. The zero point is added where integers are
/// stored.
struct StaticSum {
  using Elem = int8_t;
  static constexpr size_t kHeadFields = 1, kTailFields = 1;

  template <int kRows, int kCols>
  static SMELT_INLINE Int4 value(const Grid& at, size_t, Bytes4 sum, Float4 scale, Float4, Float4)
      SMELT_FN {
    const OutputStage& s = at.g.stage;
    const Float4 scaled = mul4(to_float4(svreinterpret_s32(sum)), scale);
    return round_low4(clamp4(scaled, svdup_f32(s.min), svdup_f32(s.max)));
  }
};

/// The quantisation of the rows that the tiles of a grid hold, for dynamic rows.
struct RowTerms {
  template <int kCols>
  static SMELT_INLINE Int4 zero(const Grid& at, size_t r) SMELT_FN {
    return svcreate4(svdup_s32(quant<0, kCols>(at, r).zero), svdup_s32(quant<1, kCols>(at, r).zero),
                     svdup_s32(quant<2, kCols>(at, r).zero),
                     svdup_s32(quant<3, kCols>(at, r).zero));
  }
  template <int kCols>
  static SMELT_INLINE Float4 negative_zero(const Grid& at, size_t r) SMELT_FN {
    return svcreate4(svdup_f32(-float(quant<0, kCols>(at, r).zero)),
                     svdup_f32(-float(quant<1, kCols>(at, r).zero)),
                     svdup_f32(-float(quant<2, kCols>(at, r).zero)),
                     svdup_f32(-float(quant<3, kCols>(at, r).zero)));
  }
  template <int kCols>
  static SMELT_INLINE Float4 scale(const Grid& at, size_t r) SMELT_FN {
    return svcreate4(
        svdup_f32(quant<0, kCols>(at, r).scale), svdup_f32(quant<1, kCols>(at, r).scale),
        svdup_f32(quant<2, kCols>(at, r).scale), svdup_f32(quant<3, kCols>(at, r).scale));
  }

 private:
  // Of the row that tile kTile holds; rows beyond the grid share the last one's.
  template <int kTile, int kCols>
  static SMELT_INLINE const RowQuant& quant(const Grid& at, size_t r) SMELT_FN {
    const size_t i = kCols > 2 ? r : r + kTile / kCols * svcntw();
    return at.g
        .row_quant[(at.m0 + (kCols > 2 || i < at.rows ? i : at.rows - 1)) * at.g.row_quant_stride];
  }
};

/// Dynamic int8 rows, a scale per channel -> T. Layout: data | kBias, kRowSum, kScale.
template <class T>
struct DynamicSum : private RowTerms {
  using Elem = T;
  static constexpr size_t kHeadFields = 0, kTailFields = 3;

  template <int kRows, int kCols>
  static SMELT_INLINE Float4 value(const Grid& at, size_t r, Bytes4 sum, Float4 bias, Float4 rowsum,
                                   Float4 column) SMELT_FN {
    const Int4 rows = svreinterpret_s32(rowsum);
    const Float4 exact = to_float4(sub_product4(svreinterpret_s32(sum), rows, zero<kCols>(at, r)));
    const Float4 real = multiply_add4(mul4(exact, column), scale<kCols>(at, r), bias);
    return clamp4(real, svdup_f32(at.g.stage.min), svdup_f32(at.g.stage.max));
  }
};

/// Dynamic int8 rows, a scale per block of k -> T; the sums are floats already. Layout: data with
/// block scales | kBias, kScaledRowSum.
template <class T>
struct BlockSum : private RowTerms {
  using Elem = T;
  static constexpr size_t kHeadFields = 0, kTailFields = 2;

  template <int kRows, int kCols>
  static SMELT_INLINE Float4 value(const Grid& at, size_t r, Bytes4 sum, Float4 bias, Float4 rowsum,
                                   Float4) SMELT_FN {
    const Float4 exact = multiply_add4(rowsum, negative_zero<kCols>(at, r), svreinterpret_f32(sum));
    return clamp4(multiply_add4(exact, scale<kCols>(at, r), bias), svdup_f32(at.g.stage.min),
                  svdup_f32(at.g.stage.max));
  }
};

}  // namespace
}  // namespace smelt
