// The table of one ISA: every kernel, for every type.
#pragma once

#include <utility>

#include "kernels/vector/binary.inl"
#include "kernels/vector/elements.inl"
#include "kernels/vector/fold.inl"
#include "kernels/vector/number_maps.inl"
#include "kernels/vector/quantize.inl"
#include "kernels/vector/reduce.inl"
#include "kernels/vector/statistics.inl"
#include "kernels/vector/transpose.inl"
#include "kernels/vector/unary.inl"
#include "kernels/vector/window.inl"

namespace smelt {
namespace {

template <size_t... I>
constexpr void add_unary(VectorKernels& t, std::index_sequence<I...>) {
  ((t.unary[I] = {unary<F32, UnaryOp(I)>, unary<F16, UnaryOp(I)>, unary<BF16, UnaryOp(I)>}), ...);
}

template <size_t... I>
constexpr void add_binary(VectorKernels& t, std::index_sequence<I...>) {
  ((t.binary[I] = {binary<F32, BinaryOp(I)>, binary<F16, BinaryOp(I)>, binary<BF16, BinaryOp(I)>}),
   ...);
  ((t.binary_quantized[I] = {binary_quantized<S8, BinaryOp(I)>, binary_quantized<U8, BinaryOp(I)>}),
   ...);
}

template <BinaryOp... kOps>
constexpr void add_binary_s32(VectorKernels& t) {
  ((t.binary_s32[size_t(kOps)] = binary_s32<kOps>), ...);
}

constexpr VectorKernels make_table(const char* name) {
  VectorKernels t = {};
  t.name = name;
  add_unary(t, std::make_index_sequence<kUnaryOpCount>());
  add_binary(t, std::make_index_sequence<kBinaryOpCount>());
  add_binary_s32<BinaryOp::kAdd, BinaryOp::kSubtract, BinaryOp::kMultiply, BinaryOp::kMinimum,
                 BinaryOp::kMaximum>(t);
  t.power = {power<F32>, power<F16>, power<BF16>};
  t.affine = {affine<F32>, affine<F16>, affine<BF16>};
  t.clamp_byte = {clamp_byte<S8>, clamp_byte<U8>};
  t.map_byte = map_byte;

  t.elements = make_element_table();
  t.convert = {{convert<F32, F32>, convert<F32, F16>, convert<F32, BF16>},
               {convert<F16, F32>, convert<F16, F16>, convert<F16, BF16>},
               {convert<BF16, F32>, convert<BF16, F16>, convert<BF16, BF16>}};
  t.quantize = {{quantize<F32, S8>, quantize<F32, U8>},
                {quantize<F16, S8>, quantize<F16, U8>},
                {quantize<BF16, S8>, quantize<BF16, U8>}};
  t.dequantize = {{dequantize<S8, F32>, dequantize<S8, F16>, dequantize<S8, BF16>},
                  {dequantize<U8, F32>, dequantize<U8, F16>, dequantize<U8, BF16>}};
  t.quantize_rows = {quantize_rows<F32>, quantize_rows<F16>, quantize_rows<BF16>};

  t.row_sum = {row_sum<F32>, row_sum<F16>, row_sum<BF16>};
  t.row_max = {row_max<F32>, row_max<F16>, row_max<BF16>};
  t.row_min = {row_min<F32>, row_min<F16>, row_min<BF16>};
  t.row_moments = {row_moments<F32>, row_moments<F16>, row_moments<BF16>};
  t.row_deviations = {row_deviations<F32>, row_deviations<F16>, row_deviations<BF16>};
  t.column_sums = {column_sums<F32>, column_sums<F16>, column_sums<BF16>};
  t.column_max = {column_max<F32>, column_max<F16>, column_max<BF16>};
  t.column_min = {column_min<F32>, column_min<F16>, column_min<BF16>};
  t.row_normalize = {row_normalize<F32>, row_normalize<F16>, row_normalize<BF16>};
  t.row_softmax = {row_softmax<F32>, row_softmax<F16>, row_softmax<BF16>};
  t.row_log_softmax = {row_log_softmax<F32>, row_log_softmax<F16>, row_log_softmax<BF16>};
  t.dot = {dot<F32>, dot<F16>, dot<BF16>};
  t.axpy = {axpy<F32>, axpy<F16>, axpy<BF16>};
  t.row_product = row_product;

  t.window_max = {window_max<F32>, window_max<F16>, window_max<BF16>};
  t.window_max_byte = {window_max_byte<S8>, window_max_byte<U8>};
  t.window_argmax = {window_argmax<F32>, window_argmax<F16>, window_argmax<BF16>};
  t.window_sum = {window_sum<F32>, window_sum<F16>, window_sum<BF16>};
  t.window_sum_byte = {window_sum_byte<S8>, window_sum_byte<U8>};
  t.fold_sum = fold_sum;
  t.fold_argmax = fold_argmax;
  t.fold_argmax_placed = fold_argmax_placed;
  t.bilinear = {bilinear<F32>, bilinear<F16>, bilinear<BF16>};
  t.bilinear_byte = {bilinear_byte<S8>, bilinear_byte<U8>};

  t.transpose[0] = transpose<uint8_t>;
  t.transpose[1] = transpose<uint16_t>;
  t.transpose[2] = transpose<uint32_t>;
  t.transpose[3] = transpose<uint64_t>;
  return t;
}

}  // namespace
}  // namespace smelt
