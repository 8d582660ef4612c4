#include "array.h"

#include <array>
#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/status.h"
#include "format/npy/npy.h"

namespace smelt::cli {
namespace {

/// Calls f(logical, physical) for each element: its number in logical order, and in the order of
/// memory.
template <class F>
void for_each_element(const Shape& shape, const Shape& dim_order, F f) {
  const size_t rank = shape.rank();
  std::array<size_t, kMaxRank> stride{}, index{};
  size_t step = 1;
  for (size_t i = rank; i-- > 0;) {
    const size_t d = dim_order.rank() == 0 ? i : size_t(dim_order[i]);
    stride[d] = step;
    step *= size_t(shape[d]);
  }
  const size_t n = shape.numel();
  size_t physical = 0;
  for (size_t logical = 0; logical < n; ++logical) {
    f(logical, physical);
    for (size_t d = rank; d-- > 0;) {
      physical += stride[d];
      if (++index[d] < size_t(shape[d])) break;
      physical -= index[d] * stride[d];
      index[d] = 0;
    }
  }
}

}  // namespace

std::string_view describe(ValueKind kind) {
  switch (kind) {
    case ValueKind::kNone:
      return "none";
    case ValueKind::kTensor:
      return "tensor";
    case ValueKind::kInt:
      return "int";
    case ValueKind::kDouble:
      return "float";
    case ValueKind::kBool:
      return "bool";
    case ValueKind::kString:
      return "string";
    case ValueKind::kList:
      return "list";
  }
  return "unknown";
}

std::string describe(DType dtype, const Shape& shape) {
  return fmt::format("{} [{}]", name(dtype), fmt::join(shape.dims(), ", "));
}

std::string describe(const ValueInfo& info) {
  if (info.kind != ValueKind::kTensor) return std::string(describe(info.kind));
  const std::string exact = describe(info.dtype, info.shape);
  switch (info.dynamism) {
    case Dynamism::kStatic:
      return exact;
    case Dynamism::kBounded:
      return exact + " or smaller";
    case Dynamism::kUnbounded:
      return fmt::format("{} of rank {}", name(info.dtype), info.shape.rank());
  }
  return exact;
}

std::vector<std::byte> to_memory_order(const Array& a, const Shape& dim_order) {
  std::vector<std::byte> memory(a.bytes.size());
  const size_t size = bits(a.dtype) / 8;
  for_each_element(a.shape, dim_order, [&](size_t logical, size_t physical) {
    std::memcpy(&memory[physical * size], &a.bytes[logical * size], size);
  });
  return memory;
}

Result<Array> to_array(const Value& value) {
  const auto scalar = [](DType dtype, const auto& v) {
    Array a{dtype, {}, std::vector<std::byte>(sizeof v)};
    std::memcpy(a.bytes.data(), &v, sizeof v);
    return a;
  };
  if (const auto* i = value.integer()) return scalar(DType::kS64, *i);
  if (const auto* d = value.real()) return scalar(DType::kF64, *d);
  if (const auto* b = value.boolean()) return scalar(DType::kBool, *b);
  const TensorView* t = value.tensor();
  if (t == nullptr)
    return fail(ErrorCode::kUnsupported, "{} is not a tensor or a number",
                value.is_none() ? "none" : "a string");
  const size_t size = bits(t->dtype) / 8;
  Array a{t->dtype, t->shape, std::vector<std::byte>(t->shape.numel() * size)};
  for_each_element(t->shape, t->dim_order, [&](size_t logical, size_t physical) {
    std::memcpy(&a.bytes[logical * size], t->as<std::byte>() + physical * size, size);
  });
  return a;
}

Result<Array> read_array(const std::filesystem::path& path) {
  SMELT_ASSIGN(const NpyArray npy, read_npy(path));
  return Array{npy.dtype, npy.shape, {npy.bytes().begin(), npy.bytes().end()}};
}

Status write_array(const std::filesystem::path& path, const Array& a) {
  return write_npy(path, a.dtype, a.shape, a.bytes);
}

}  // namespace smelt::cli
