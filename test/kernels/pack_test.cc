// unpack(pack(x)) == x for the layout of every kernel, and for layouts that no kernel has.
#include "kernels/pack/pack.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "abi_canary.h"
#include "kernel_log.h"
#include "kernels/dwconv/kernels.h"
#include "kernels/gemm/kernels.h"
#include "support/guarded.h"
#include "support/random.h"

namespace smelt {
namespace {

struct LayoutCase {
  std::string name;
  PackLayout layout;
};

std::vector<LayoutCase> layouts() {
  std::vector<LayoutCase> out;
  for (const GemmKernel* k : gemm_kernels()) out.push_back({k->name, k->rhs});
  for (const DwconvKernel* k : dwconv_kernels()) out.push_back({k->name, k->filter});
  out.push_back({"odd_f32", {.rows = {5}, .kr = 3, .elem = DType::kF32, .tail = kBias}});
  out.push_back({"odd_f16", {.rows = {7}, .kr = 2, .elem = DType::kF16, .head = kBias | kScale}});
  out.push_back(
      {"odd_s8",
       {.rows = {3}, .kr = 5, .elem = DType::kS8, .head = kRowSum, .tail = kBias | kScale}});
  out.push_back(
      {"signed_u4",
       {.rows = {3}, .kr = 6, .elem = DType::kU4, .signed_nibbles = true, .tail = kRowSum}});
  out.push_back({"odd_u4", {.rows = {3}, .kr = 6, .elem = DType::kU4, .tail = kRowSum}});
  out.push_back(
      {"widened_u4",
       {.rows = {4}, .kr = 4, .elem = DType::kS8, .head = kFoldedBias, .lhs_offset = 128}});
  out.push_back(
      {"joined",
       {.rows = {2, true}, .kr = 4, .elem = DType::kS8, .tail = kRowSum, .join_taps = true}});
  out.push_back(
      {"joined_f32",
       {.rows = {1, true}, .kr = 1, .elem = DType::kF32, .head = kBias, .join_taps = true}});
  out.push_back(
      {"blocks",
       {.rows = {6}, .kr = 16, .elem = DType::kU4, .tail = kScaledRowSum, .block_scales = true}});
  out.push_back({"block_s8",
                 {.rows = {4}, .kr = 8, .elem = DType::kS8, .tail = kBias, .block_scales = true}});
  return out;
}

// What an element becomes in the panel's type.
float stored(DType elem, float v) {
  switch (elem) {
    case DType::kF16:
      return float(Half(v));
    case DType::kBF16:
      return float(BFloat16(v));
    default:
      return v;
  }
}

class PackTest : public testing::TestWithParam<LayoutCase> {
 protected:
  static constexpr size_t kVl32 = 4;
  static const PackLayout& layout() { return GetParam().layout; }
  static bool integer() { return layout().elem == DType::kS8 || layout().elem == DType::kU4; }

  // The matrix [rows][taps][kc], from sources of every type and order of memory.
  static void round_trip(size_t rows, size_t taps, size_t kc, bool transposed, DType dtype) {
    SCOPED_TRACE(testing::Message() << rows << " x " << taps << " x " << kc << " of " << name(dtype)
                                    << (transposed ? " transposed" : ""));
    Random random(rows * 31 + kc);
    const size_t k = taps * kc;
    PackShape shape{
        .rows = rows, .kc = kc, .taps = taps, .block = layout().block_scales ? size_t(32) : 0};
    // Nibbles fill whole bytes in each line of memory.
    const size_t line = transposed ? rows : k, lines = transposed ? k : rows;
    const size_t pitch = dtype == DType::kU4 ? (line + 1) / 2 * 2 : line;
    Guarded<std::byte> data(lines * pitch * bits(dtype) / 8);
    for (size_t i = 0; i < data.size() * 8 / bits(dtype); ++i) {
      const float f = random.real(-2, 2);
      const uint16_t half = Half(f).bits, brain = BFloat16(f).bits;
      if (dtype == DType::kF32) std::memcpy(data.data() + i * 4, &f, 4);
      if (dtype == DType::kF16) std::memcpy(data.data() + i * 2, &half, 2);
      if (dtype == DType::kBF16) std::memcpy(data.data() + i * 2, &brain, 2);
      if (dtype == DType::kS8) data[i] = std::byte(random.next());
      if (dtype == DType::kU4) data[i / 2] = std::byte(random.next());
    }
    std::vector<size_t> offsets;
    for (size_t t = 0; t < taps; ++t) offsets.push_back(transposed ? t * kc * pitch : t * kc);
    Guarded<int32_t> int_bias(rows);
    Guarded<float> bias(rows), scale(rows);
    std::vector<BFloat16> block_scale;
    for (size_t i = 0; i < rows; ++i) {
      int_bias[i] = random.integer(-100000, 100000);
      bias[i] = random.real(-3, 3);
      scale[i] = random.real(0, 1);
    }
    if (layout().block_scales)
      for (size_t i = 0; i < rows * (kc / 32); ++i)
        block_scale.push_back(BFloat16(random.real(0, 1)));
    const bool folded = ((layout().head | layout().tail) & kFoldedBias) != 0;
    const PackSource source{.data = data.data(),
                            .dtype = dtype,
                            .row_stride = transposed ? 1 : pitch,
                            .k_stride = transposed ? pitch : 1,
                            .taps = offsets,
                            .bias = folded ? int_bias.bytes() : bias.bytes(),
                            .bias_dtype = folded ? DType::kS32 : DType::kF32,
                            .scale = scale.data(),
                            .block_scale = block_scale.data(),
                            .lhs_zero = 17};
    Guarded<std::byte> packed(packed_bytes(layout(), shape, kVl32).value());
    pack(layout(), shape, kVl32, source, packed.data());
    const Unpacked got = unpack(layout(), shape, kVl32, packed.data());

    ASSERT_EQ(got.values.size(), rows * k);
    for (size_t r = 0; r < rows; ++r) {
      int64_t sum = 0;
      double scaled = 0;
      for (size_t x = 0; x < k; ++x) {
        const size_t at = transposed ? x * pitch + r : r * pitch + x;
        float v = 0;
        if (dtype == DType::kF32) std::memcpy(&v, data.data() + at * 4, 4);
        uint16_t sixteen = 0;
        if (bits(dtype) == 16) std::memcpy(&sixteen, data.data() + at * 2, 2);
        if (dtype == DType::kF16) v = float(Half::from_bits(sixteen));
        if (dtype == DType::kBF16) v = float(BFloat16::from_bits(sixteen));
        if (dtype == DType::kS8) v = float(int8_t(data[at]));
        if (dtype == DType::kU4)
          v = float(int(at % 2 == 0 ? uint8_t(data[at / 2]) & 15 : uint8_t(data[at / 2]) >> 4) - 8);
        ASSERT_EQ(got.values[r * k + x], stored(layout().elem, v)) << "row " << r << ", k " << x;
        sum += int64_t(v);
        if (layout().block_scales) scaled += v * float(block_scale[r * (kc / 32) + x / 32]);
      }
      if (!got.bias.empty()) EXPECT_EQ(got.bias[r], bias[r]);
      if (!got.scale.empty()) EXPECT_EQ(got.scale[r], scale[r]);
      if (!got.row_sum.empty()) EXPECT_EQ(got.row_sum[r], sum);
      if (!got.folded_bias.empty())
        EXPECT_EQ(got.folded_bias[r], int_bias[r] - (17 + layout().lhs_offset) * sum);
      if (!got.scaled_row_sum.empty())
        EXPECT_NEAR(got.scaled_row_sum[r], scaled, double(k) * 8 * 0x1p-23);
    }
    ASSERT_EQ(got.block_scale.size(), block_scale.size());
    for (size_t i = 0; i < block_scale.size(); ++i)
      EXPECT_EQ(got.block_scale[i], float(block_scale[i]));
    const auto expect_field = [&](PanelField field, size_t size) {
      EXPECT_EQ(size, ((layout().head | layout().tail) & field) != 0 ? rows : 0u);
    };
    expect_field(kBias, got.bias.size());
    expect_field(kFoldedBias, got.folded_bias.size());
    expect_field(kRowSum, got.row_sum.size());
    expect_field(kScale, got.scale.size());
    expect_field(kScaledRowSum, got.scaled_row_sum.size());
  }
};

TEST_P(PackTest, RoundTrip) {
  const std::vector<DType> types = layout().elem == DType::kU4 ? std::vector{DType::kU4}
                                   : integer()
                                       ? std::vector{DType::kS8, DType::kU4}
                                       : std::vector{DType::kF32, DType::kF16, DType::kBF16};
  const size_t panel = layout().rows.at(kVl32);
  for (DType dtype : types) {
    for (bool transposed : {false, true}) {
      for (size_t rows : {size_t(1), panel, 2 * panel + 1}) {
        if (layout().block_scales) {
          round_trip(rows, 1, 64, transposed, dtype);
          continue;
        }
        for (size_t kc : {1, 4, 7, 19}) round_trip(rows, 1, kc, transposed, dtype);
        // Runs of nibbles that begin within a byte do not occur: filters are int8 or wider.
        if (dtype != DType::kU4) round_trip(rows, 3, 5, transposed, dtype);
      }
    }
  }
}

// The order of a source's memory decides how it is packed, quickly or element by element; not what
// comes out.
TEST_P(PackTest, OrderOfMemory) {
  const DType dtype = layout().elem;
  const size_t rows = 2 * layout().rows.at(kVl32) + 1;
  for (size_t kc : {size_t(32), size_t(96), layout().block_scales ? size_t(64) : size_t(37)}) {
    Random random(kc);
    const PackShape shape{.rows = rows, .kc = kc, .block = layout().block_scales ? size_t(32) : 0};
    const size_t row_pitch = dtype == DType::kU4 ? (kc + 1) / 2 * 2 : kc,
                 line_pitch = (rows + 1) / 2 * 2;
    Guarded<std::byte> by_rows(rows * row_pitch * bits(dtype) / 8),
        by_lines(kc * line_pitch * bits(dtype) / 8);
    for (size_t r = 0; r < rows; ++r) {
      for (size_t x = 0; x < kc; ++x) {
        const size_t from = r * row_pitch + x, to = x * line_pitch + r;
        if (dtype == DType::kU4) {
          const unsigned nibble = random.next() & 15;
          by_rows[from / 2] |= std::byte(nibble << from % 2 * 4);
          by_lines[to / 2] |= std::byte(nibble << to % 2 * 4);
        } else {
          // Half of 1 to 2 in the floating types, any int8.
          const uint32_t value =
              dtype == DType::kS8 ? uint32_t(random.next()) : 0x3c003c00u | (random.next() & 0xff);
          std::memcpy(by_rows.data() + from * bits(dtype) / 8, &value, bits(dtype) / 8);
          std::memcpy(by_lines.data() + to * bits(dtype) / 8, &value, bits(dtype) / 8);
        }
      }
    }
    const std::vector<float> scale(rows, 0.5f);
    std::vector<BFloat16> block_scale;
    for (size_t i = 0; i < rows * (kc / 32); ++i)
      block_scale.push_back(BFloat16(random.real(0, 1)));
    PackSource source{.data = by_rows.data(),
                      .dtype = dtype,
                      .row_stride = row_pitch,
                      .scale = scale.data(),
                      .block_scale = block_scale.data(),
                      .lhs_zero = -5};
    Guarded<std::byte> a(packed_bytes(layout(), shape, kVl32).value()), b(a.size());
    std::memset(a.data(), 0xa5, a.size());
    pack(layout(), shape, kVl32, source, a.data());
    source.data = by_lines.data();
    source.row_stride = 1;
    source.k_stride = line_pitch;
    pack(layout(), shape, kVl32, source, b.data());
    EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size()), 0) << "k = " << kc;
  }
}

INSTANTIATE_TEST_SUITE_P(All, PackTest, testing::ValuesIn(layouts()),
                         [](const auto& info) { return info.param.name; });

// What a kernel's own packer, and the quick ways, write is what packing element by element writes,
// byte for byte.
class KernelPackerTest : public testing::TestWithParam<const GemmKernel*> {
 protected:
  static void check(const PackShape& shape, DType dtype, bool by_lines, uint64_t seed) {
    const GemmKernel& kernel = *GetParam();
    const PackLayout& layout = kernel.rhs;
    SCOPED_TRACE(testing::Message()
                 << shape.rows << " x " << shape.taps << " x " << shape.kc << " of " << name(dtype)
                 << (by_lines ? ", lines of k" : ", rows"));
    Random random(seed);
    const size_t vl32 = test_cpu().sme_vl32, k = shape.taps * shape.kc;
    const size_t line = by_lines ? shape.rows : k, lines = by_lines ? k : shape.rows;
    const size_t pitch = (line + 3) / 2 * 2;  // rows of nibbles fill whole bytes
    Guarded<std::byte> data((lines * pitch - (pitch - (line + 1) / 2 * 2)) * bits(dtype) / 8);
    // No infinities and NaNs, but all sizes of numbers.
    const bool sixteen = dtype == DType::kF16 || dtype == DType::kBF16;
    for (size_t i = 0; i < data.size(); ++i)
      data[i] = std::byte(random.next() & (sixteen && i % 2 == 1 ? 0xbf : 0xff));
    for (size_t i = 0; dtype == DType::kF32 && i < data.size() / 4; ++i) {
      const float f = random.real(-1, 1) * std::exp2(float(random.integer(-30, 14)));
      std::memcpy(data.data() + i * 4, &f, 4);
    }
    std::vector<size_t> offsets;
    for (size_t t = 0; t < shape.taps; ++t)
      offsets.push_back((shape.taps - 1 - t) * shape.kc * (by_lines ? pitch : 1));
    Guarded<float> bias(shape.rows), scale(shape.rows);
    Guarded<int32_t> int_bias(shape.rows);
    for (float& b : bias) b = random.real(-3, 3);
    for (float& s : scale) s = random.real(0, 1);
    for (int32_t& b : int_bias) b = int32_t(random.next());
    std::vector<BFloat16> block_scale;
    for (size_t i = 0; layout.block_scales && i < shape.rows * (shape.kc / shape.block); ++i)
      block_scale.push_back(BFloat16(random.real(0, 1)));
    const bool folded = ((layout.head | layout.tail) & kFoldedBias) != 0;
    const PackSource source{.data = data.data(),
                            .dtype = dtype,
                            .row_stride = by_lines ? 1 : pitch,
                            .k_stride = by_lines ? pitch : 1,
                            .taps = offsets,
                            .bias = folded ? int_bias.bytes() : bias.bytes(),
                            .bias_dtype = folded ? DType::kS32 : DType::kF32,
                            .scale = scale.data(),
                            .block_scale = block_scale.data(),
                            .lhs_zero = -9};
    const size_t panels = panel_count(layout, shape, vl32);
    Guarded<std::byte> want(packed_bytes(layout, shape, vl32).value()), quick(want.size()),
        own(want.size());
    std::memset(quick.data(), 0xa5, quick.size());
    std::memset(own.data(), 0x5a, own.size());
    pack_panels_by_element(layout, shape, vl32, source, 0, panels, want.data());
    pack_panels(layout, shape, vl32, source, 0, panels, quick.data());
    EXPECT_EQ(call_in_every_state(
                  [&] { kernel.pack_rhs(layout, shape, vl32, source, 0, panels, own.data()); }),
              "");
    EXPECT_EQ(std::memcmp(want.data(), quick.data(), want.size()), 0) << "pack_panels";
    EXPECT_EQ(std::memcmp(want.data(), own.data(), want.size()), 0) << "the kernel's packer";
  }
};

TEST_P(KernelPackerTest, WritesWhatPackingByElementWrites) {
  const GemmKernel& kernel = *GetParam();
  if (!test_cpu().isa.has(kernel.isa)) GTEST_SKIP() << name(kernel.isa) << " is not available here";
  const PackLayout& layout = kernel.rhs;
  std::vector<DType> types = {layout.elem};
  if (layout.elem != DType::kF32 && layout_bits(layout.elem) > 8) types.push_back(DType::kF32);
  const size_t panel = layout.rows.at(test_cpu().sme_vl32);
  uint64_t seed = 0;
  for (size_t rows : {size_t(1), panel - 1, panel, panel + panel / 2, 2 * panel + 1}) {
    if (rows == 0) continue;
    for (DType dtype : types)
      for (bool by_lines : {false, true}) {
        if (layout.block_scales) {
          for (size_t kc : {32, 64, 160, 1024})
            check({.rows = rows, .kc = kc, .block = 32}, dtype, by_lines, ++seed);
          check({.rows = rows, .kc = 128, .block = 64}, dtype, by_lines, ++seed);
          continue;
        }
        for (size_t kc : {1, 2, 3, 4, 7, 16, 33, 64, 130, 520})
          check({.rows = rows, .kc = kc}, dtype, by_lines, ++seed);
        for (size_t kc : {1, 5, 8, 36})
          check({.rows = rows, .kc = kc, .taps = 3}, dtype, by_lines, ++seed);
      }
  }
}

INSTANTIATE_TEST_SUITE_P(All, KernelPackerTest,
                         testing::ValuesIn(gemm_kernels().begin(), gemm_kernels().end()),
                         [](const auto& info) { return std::string(info.param->name); });

TEST(Pack, PaddingIsZero) {
  const PackLayout layout{.rows = {4}, .kr = 4, .elem = DType::kS8, .tail = kRowSum};
  const int8_t data[3 * 5] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const PackShape shape{.rows = 3, .kc = 5};
  std::vector<std::byte> packed(packed_bytes(layout, shape, 0).value(), std::byte{0xff});
  pack(layout, shape, 0,
       {.data = reinterpret_cast<const std::byte*>(data), .dtype = DType::kS8, .row_stride = 5},
       packed.data());
  const int8_t expected[32] = {1, 2, 3, 4, 6,  7, 8, 9, 11, 12, 13, 14, 0, 0, 0, 0,
                               5, 0, 0, 0, 10, 0, 0, 0, 15, 0,  0,  0,  0, 0, 0, 0};
  for (size_t i = 0; i < 32; ++i) EXPECT_EQ(int8_t(packed[i]), expected[i]) << i;
  int32_t sums[4];
  std::memcpy(sums, packed.data() + 32, sizeof sums);
  EXPECT_EQ(sums[0], 15);
  EXPECT_EQ(sums[1], 40);
  EXPECT_EQ(sums[2], 65);
  EXPECT_EQ(sums[3], 0);
}

// The two nibbles of a byte are half a group apart.
TEST(Pack, Nibbles) {
  const PackLayout layout{.rows = {1}, .kr = 8, .elem = DType::kU4};
  const uint8_t data[4] = {0x10, 0x32, 0x54, 0x76};  // 0, 1, … 7
  const PackShape shape{.rows = 1, .kc = 8};
  std::vector<std::byte> packed(packed_bytes(layout, shape, 0).value());
  pack(layout, shape, 0,
       {.data = reinterpret_cast<const std::byte*>(data), .dtype = DType::kU4, .row_stride = 8},
       packed.data());
  const uint8_t expected[4] = {0x40, 0x51, 0x62, 0x73};
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(uint8_t(packed[i]), expected[i]) << i;
}

TEST(Pack, SizesThatOverflow) {
  const PackLayout layout{.rows = {8}, .head = kBias};
  const size_t huge = std::numeric_limits<size_t>::max();
  EXPECT_FALSE(packed_bytes(layout, {.rows = huge, .kc = 1}, 0));
  EXPECT_FALSE(packed_bytes(layout, {.rows = 1, .kc = huge}, 0));
  EXPECT_FALSE(packed_bytes(layout, {.rows = 1, .kc = 1, .taps = huge}, 0));
  EXPECT_FALSE(packed_bytes(layout, {.rows = size_t(1) << 31, .kc = size_t(1) << 31}, 0));
  EXPECT_TRUE(packed_bytes(layout, {.rows = 0, .kc = 7}, 0));
  // A layout in vector lengths on a machine that has none.
  EXPECT_FALSE(packed_bytes({.rows = {2, true}}, {.rows = 1, .kc = 1}, 0));
}

TEST(PackLhs, GathersThroughPointers) {
  const PackLayout layout{.rows = {2}, .kr = 4, .elem = DType::kS8, .join_taps = true};
  const int8_t a[3] = {1, 2, 3}, b[3] = {4, 5, 6}, c[3] = {7, 8, 9};
  const void* rows[6] = {a, b, b, c, c, a};  // three rows of two taps
  std::vector<std::byte> packed(packed_bytes(layout, {.rows = 3, .kc = 3, .taps = 2}, 0).value(),
                                std::byte{0xff});
  pack_lhs(layout, 0, 3, 2, 3, rows, packed.data());
  const int8_t first[16] = {1, 2, 3, 4, 4, 5, 6, 7, 5, 6, 0, 0, 8, 9, 0, 0};
  const int8_t second[16] = {7, 8, 9, 1, 0, 0, 0, 0, 2, 3, 0, 0, 0, 0, 0, 0};
  for (size_t i = 0; i < 16; ++i) {
    EXPECT_EQ(int8_t(packed[i]), first[i]) << i;
    EXPECT_EQ(int8_t(packed[64 + i]), second[i]) << i;
  }
}

}  // namespace
}  // namespace smelt
