#include "smelt/types.hpp"

namespace smelt {

namespace {
struct Info {
  std::string_view name;
  size_t bits;
};
constexpr Info kInfo[] = {
    {"float32", 32},   {"float16", 16},     {"bfloat16", 16}, {"float64", 64}, {"int8", 8},
    {"uint8", 8},      {"int16", 16},       {"uint16", 16},   {"int32", 32},   {"uint32", 32},
    {"int64", 64},     {"uint64", 64},      {"bool", 8},      {"uint4", 4},    {"complex32", 32},
    {"complex64", 64}, {"complex128", 128},
};
static_assert(std::size(kInfo) == size_t(DType::kC128) + 1);
}  // namespace

std::string_view name(DType t) noexcept { return kInfo[size_t(t)].name; }
size_t bits(DType t) noexcept { return kInfo[size_t(t)].bits; }

}  // namespace smelt
