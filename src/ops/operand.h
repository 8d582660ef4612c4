// Questions about operands, asked while making and binding ops.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "kernels/vector/by_type.h"
#include "ops/op.h"

namespace smelt {

/// "float32", "int8 per tensor", "int8 per token".
std::string describe(const TensorDesc&);

/// The one scale and zero point of an 8-bit tensor; nothing if it has none, or more. make_op has
/// checked their values.
std::optional<AffineQuant> affine_quant(const TensorDesc&);

/// True if stored values mean the same in both: the same type, and the same scale and zero point
/// where there are any.
bool same_encoding(const TensorDesc&, const TensorDesc&);

/// How to store real values as `out`, clamped to `range`. `out` has an affine_quant.
QuantizeParams quantize_params(const TensorDesc& out, const OutputRange& range = {});

/// kUnsupported, naming the operands' types; `supported` says which would do.
tl::unexpected<Error> unsupported_types(const NodeSpec&, std::string_view supported);

/// What an 8-bit function does to each of the 256 stored values.
using ByteTable = std::array<uint8_t, 256>;

/// f: void(const float* in, float* out, n) on real values, between two 8-bit encodings.
template <class F>
ByteTable byte_table(const VectorKernels& kernels, const TensorDesc& in, const TensorDesc& out,
                     const OutputRange& range, F f) {
  ByteTable stored;
  for (size_t i = 0; i < stored.size(); ++i) stored[i] = uint8_t(i);
  std::array<float, 256> real;
  for_byte(kernels.dequantize, in.dtype)
      .f32(stored.data(), real.data(), real.size(), *affine_quant(in));
  f(real.data(), real.data(), real.size());
  for_byte(kernels.quantize.f32, out.dtype)(real.data(), stored.data(), real.size(),
                                            quantize_params(out, range));
  return stored;
}

/// From one 8-bit encoding to another, for the ops that only move elements.
class Requantizer {
 public:
  Requantizer() = default;
  /// Nothing to do unless both are 8-bit, per tensor, and differ.
  Requantizer(const VectorKernels&, const TensorDesc& in, const TensorDesc& out);

  bool needed() const { return kernels_ != nullptr; }
  /// In place.
  void run(std::byte* data, size_t n) const {
    kernels_->map_byte(reinterpret_cast<uint8_t*>(data), reinterpret_cast<uint8_t*>(data), n,
                       table_.data());
  }

 private:
  const VectorKernels* kernels_ = nullptr;
  ByteTable table_{};
};

/// Success if an op that only moves elements can turn `in` into `out`.
Status check_movable(const NodeSpec&, const TensorDesc& in, const TensorDesc& out);

/// kInvalidArgument if the shape's elements cannot be counted.
Status check_size(const Shape&);

}  // namespace smelt
