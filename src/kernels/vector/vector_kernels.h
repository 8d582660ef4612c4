// Kernels that work on runs of elements: maps, reductions, windows, moves. Written once on Highway,
// compiled once per ISA.
//
// Float kernels exist for f32, f16 and bf16; the arithmetic is f32 and rounds once, when it stores.
// Byte kernels exist for s8 and u8 with one scale and one zero point per tensor: they dequantise,
// compute in f32 and round half to even, so they give the same integers on every ISA. Pointers need
// only the alignment of their elements; lengths may be 0.
//
// No standard library beyond two headers: the files that hold wider instructions include this one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/row_quant.h"
#include "kernels/vector/elements.h"
#include "kernels/vector/statistics.h"

namespace smelt {

struct Cpu;

enum class UnaryOp : uint8_t {
  kAbs,
  kCeiling,
  kClamp,  ///< to [params.a, params.b]; NaN stays
  kCos,
  kElu,  ///< x > 0 ? x : params.a * (exp(x) - 1)
  kErf,
  kExp,
  kFloor,
  kGelu,      ///< x * (1 + erf(x / sqrt 2)) / 2
  kGeluTanh,  ///< its approximation by tanh
  kHardsigmoid,
  kHardswish,
  kLeakyRelu,  ///< x >= 0 ? x : params.a * x
  kLog,
  kNegate,
  kReciprocal,
  kReciprocalSquareRoot,
  kRound,  ///< half to even
  kSigmoid,
  kSilu,  ///< x * sigmoid(x)
  kSin,
  kSquare,
  kSquareRoot,
  kTanh,
  kTruncate,
};
inline constexpr size_t kUnaryOpCount = size_t(UnaryOp::kTruncate) + 1;

struct UnaryParams {
  float a = 0, b = 0;
};

/// NaN operands give NaN, for minimum and maximum too.
enum class BinaryOp : uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kMinimum,
  kMaximum,
  kPRelu,  ///< lhs >= 0 ? lhs : lhs * rhs
};
inline constexpr size_t kBinaryOpCount = size_t(BinaryOp::kPRelu) + 1;

/// Which operand of a binary kernel is one element, used for the whole run.
enum class Broadcast : uint8_t { kNone, kLhs, kRhs };

/// Fused clamp of a float result.
struct FloatRange {
  float min, max;
};

/// real = (stored - zero) * scale.
struct AffineQuant {
  float scale;
  int32_t zero;
};

/// How to quantise, and the stored values to clamp to. real / scale is computed as real * (1 /
/// scale).
struct QuantizeParams {
  float inverse_scale;
  int32_t zero;
  int32_t min, max;
};

struct QuantBinaryParams {
  AffineQuant lhs, rhs;
  QuantizeParams out;
};

/// The elements that a pooling window covers, for one output position: ny x nx vectors of channels.
/// Strides in bytes. A reduction over an outer axis is a window with ny = 1.
struct Window {
  const void* first;
  size_t ny, nx;
  ptrdiff_t stride_y, stride_x;
};

/// Where an output pixel lies between two pixels of an input line: their offsets in bytes, and the
/// weight of the second.
struct Between {
  size_t left, right;
  float weight;
};

/// An output line: between which input lines it lies, the weight of the second, and where its
/// pixels lie between theirs.
struct BilinearLine {
  const void *top, *bottom;
  float weight;
  const Between* pixels;
  size_t count, channels;
  size_t in_bytes;  ///< of an input line
};

struct Moments {
  float mean;
  float variance;  ///< of the population: divided by n
};

/// One kernel for each float type.
template <class F>
struct PerFloat {
  F f32, f16, bf16;
};

/// One kernel for each 8-bit type.
template <class F>
struct PerByte {
  F s8, u8;
};

/// out may be in, exactly; otherwise they do not overlap.
using UnaryFn = void (*)(const void* in, void* out, size_t n, const UnaryParams&);
/// out may be an operand that is not broadcast.
using BinaryFn = void (*)(const void* lhs, const void* rhs, void* out, size_t n, Broadcast,
                          const FloatRange&);
using IntBinaryFn = void (*)(const int32_t* lhs, const int32_t* rhs, int32_t* out, size_t n,
                             Broadcast);
using QuantBinaryFn = void (*)(const void* lhs, const void* rhs, void* out, size_t n, Broadcast,
                               const QuantBinaryParams&);
using ByteClampFn = void (*)(const void* in, void* out, size_t n, int32_t min, int32_t max);
using ByteMapFn = void (*)(const uint8_t* in, uint8_t* out, size_t n, const uint8_t table[256]);

using ConvertFn = void (*)(const void* in, void* out, size_t n);
/// NaN becomes the zero point.
using QuantizeFn = void (*)(const void* in, void* out, size_t n, const QuantizeParams&);
using DequantizeFn = void (*)(const void* in, void* out, size_t n, const AffineQuant&);
/// Quantises rows of n to s8, each with a scale and zero point of its own: the range is widened to
/// hold 0, the zero point comes from whichever end of the range has the smaller error. A row of
/// zeros has scale 1. Where the row has NaN or an infinity, or its range overflows, the scale is
/// NaN, and so is all that is made of the row, whose stored values are all the zero point.
using QuantizeRowsFn = void (*)(const void* in, int8_t* out, size_t rows, size_t n,
                                RowQuant* found);

using RowReduceFn = float (*)(const void* in,
                              size_t n);  ///< n >= 1 for min and max, NaN if there is one
using RowMomentsFn = Moments (*)(const void* in, size_t n);
/// out[i] = (in[i] - mean) * scale * weight[i] + bias[i]; weight and bias are of in's type, and may
/// be null.
using RowNormalizeFn = void (*)(const void* in, void* out, size_t n, float mean, float scale,
                                const void* weight, const void* bias);
/// n >= 1; out may be in.
using RowSoftmaxFn = void (*)(const void* in, void* out, size_t n);

/// Maximum over the window, per channel; NaN if there is one. An empty window gives the lowest
/// value.
using WindowMaxFn = void (*)(const Window&, void* out, size_t channels);
/// Also the position in the window (iy * index_stride_y + ix) of the first maximum.
using WindowArgMaxFn = void (*)(const Window&, void* out, int32_t* index, size_t channels,
                                size_t index_stride_y);
/// Sum over the window times scale, clamped.
using WindowSumFn = void (*)(const Window&, void* out, size_t channels, float scale,
                             const FloatRange&);
/// The same on bytes: in_zero is taken off each element, and out.inverse_scale is applied to the
/// sum.
using WindowByteSumFn = void (*)(const Window&, void* out, size_t channels, int32_t in_zero,
                                 const QuantizeParams&);

/// out[i] = the sum over rows of rows[r][i], i < n; count >= 1; out is none of the rows.
using FoldSumFn = void (*)(const float* const* rows, size_t count, float* out, size_t n);
/// out[i] = the largest of rows[r][i]: the first of equal ones, but the last NaN if there is one;
/// places[i] = first[r] + i * step for its row r.
using FoldArgMaxFn = void (*)(const float* const* rows, const int32_t* first, int32_t step,
                              size_t count, float* out, int32_t* places, size_t n);
/// The same of elements whose places are known: among equal ones the smallest place, among NaNs
/// the largest.
using FoldPlacedArgMaxFn = void (*)(const float* const* rows, const int32_t* const* row_places,
                                    size_t count, float* out, int32_t* places, size_t n);

using BilinearFn = void (*)(const BilinearLine&, void* out);
using DotFn = float (*)(const float* lhs, const void* rhs, size_t n);
using AxpyFn = void (*)(float a, const void* x, float* y, size_t n);  ///< y += a * x
/// out[j] = sum over i of lhs[i] * rhs[i][j], i < k, j < n.
using RowProductFn = void (*)(const float* lhs, const float* rhs, float* out, size_t k, size_t n);

/// out[c][r] = in[r][c]; strides in bytes.
using TransposeFn = void (*)(const void* in, size_t in_stride, void* out, size_t out_stride,
                             size_t rows, size_t cols);

struct VectorKernels {
  const char* name;  ///< "vector_avx2"

  PerFloat<UnaryFn> unary[kUnaryOpCount];
  PerFloat<BinaryFn> binary[kBinaryOpCount];
  IntBinaryFn binary_s32[kBinaryOpCount];  ///< null for divide and PReLU; wraps around
  PerByte<QuantBinaryFn> binary_quantized[kBinaryOpCount];
  PerFloat<PowerFn> power;
  PerFloat<AffineFn> affine;
  PerByte<ByteClampFn> clamp_byte;
  ByteMapFn map_byte;

  ElementKernels elements;
  PerFloat<PerFloat<ConvertFn>> convert;  ///< convert.f32.f16: from f32 to f16
  PerFloat<PerByte<QuantizeFn>> quantize;
  PerByte<PerFloat<DequantizeFn>> dequantize;
  PerFloat<QuantizeRowsFn> quantize_rows;

  PerFloat<RowReduceFn> row_sum, row_max, row_min;
  PerFloat<RowMomentsFn> row_moments;
  PerFloat<RowDeviationsFn> row_deviations;
  PerFloat<ColumnSumsFn> column_sums;
  PerFloat<ColumnFoldFn> column_max, column_min;
  PerFloat<RowNormalizeFn> row_normalize;
  PerFloat<RowSoftmaxFn> row_softmax, row_log_softmax;

  PerFloat<WindowMaxFn> window_max;
  PerByte<WindowMaxFn> window_max_byte;
  PerFloat<WindowArgMaxFn> window_argmax;
  PerFloat<WindowSumFn> window_sum;
  PerByte<WindowByteSumFn> window_sum_byte;

  FoldSumFn fold_sum;
  FoldArgMaxFn fold_argmax;
  FoldPlacedArgMaxFn fold_argmax_placed;

  PerFloat<BilinearFn> bilinear;
  PerByte<BilinearFn> bilinear_byte;  ///< input and output are quantised alike
  PerFloat<DotFn> dot;
  PerFloat<AxpyFn> axpy;
  RowProductFn row_product;

  TransposeFn transpose[4];  ///< elements of 1 << i bytes
};

/// For the architecture's baseline: one lane at a time on x86-64, Advanced SIMD on Arm.
extern const VectorKernels kVectorScalar;
#if defined(__x86_64__)
extern const VectorKernels kVectorAvx2;
extern const VectorKernels kVectorAvx512;
#endif

/// The best table that `cpu` may run.
const VectorKernels& vector_kernels(const Cpu& cpu) noexcept;

}  // namespace smelt
