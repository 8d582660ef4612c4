#include "gemm_problem.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/checked.h"
#include "kernels/gemm/variant.h"

namespace smelt {

namespace {

constexpr std::byte kCanary{0xa5};

/// What a matrix or a vector has that is small altogether.
constexpr auto kSmall = Values::kSmallLhs;

float random_float(Random& random, Values values) {
  if (values == kSmall) return random.real(-0x1p-14f, 0x1p-14f);
  if (values != Values::kExtreme) return random.real(-1, 1);
  // The sums of a few hundred products of these fit binary16.
  return std::ldexp(random.real(-1, 1), random.integer(-12, 4));
}

uint8_t random_byte(Random& random, Values values) {
  if (values != Values::kExtreme) return uint8_t(random.next());
  return random.next() % 2 == 0 ? 0x80 : 0x7f;
}

uint8_t random_nibbles(Random& random, Values values) {
  if (values != Values::kExtreme) return uint8_t(random.next());
  return random.next() % 2 == 0 ? 0x00 : 0xff;
}

std::unique_ptr<Guarded<std::byte>> random_elements(DType dtype, size_t lines, size_t line,
                                                    Values values, Random& random) {
  const size_t line_bytes = div_up(line * bits(dtype), size_t(8));
  auto memory = std::make_unique<Guarded<std::byte>>(lines * line_bytes);
  std::byte* p = memory->data();
  for (size_t i = 0; i < lines * line_bytes * 8 / bits(dtype); ++i) {
    switch (dtype) {
      case DType::kF32: {
        const float f = random_float(random, values);
        std::memcpy(p + i * 4, &f, 4);
        break;
      }
      case DType::kF16: {
        const uint16_t h = Half(random_float(random, values)).bits;
        std::memcpy(p + i * 2, &h, 2);
        break;
      }
      case DType::kBF16: {
        const uint16_t h = BFloat16(random_float(random, values)).bits;
        std::memcpy(p + i * 2, &h, 2);
        break;
      }
      case DType::kU4:
        p[i / 2] = std::byte{random_nibbles(random, values)};
        break;
      default:
        p[i] = std::byte{random_byte(random, values)};
        break;
    }
  }
  return memory;
}

double as_double(DType dtype, const std::byte* p) {
  return source_value({.data = p, .dtype = dtype}, 0, 0, 0);
}

double epsilon_of(DType dtype) {
  return dtype == DType::kF16 ? 0x1p-11 : dtype == DType::kBF16 ? 0x1p-8 : 0x1p-24;
}

}  // namespace

GemmProblem::GemmProblem(GemmVariant variant, const GemmShape& shape, Values values, uint64_t seed)
    : variant_(variant), shape_(shape) {
  Random random(seed);
  const GemmSignature& s = signature(variant);
  const size_t k = shape.taps * shape.kc;
  const bool small_lhs = values == Values::kSmallLhs, small_rhs = values == Values::kSmallRhs;
  const Values others = small_lhs || small_rhs ? Values::kRandom : values;
  lhs_ = random_elements(s.lhs, shape.m, k, small_lhs ? kSmall : others, random);
  rhs_ = random_elements(s.rhs, shape.n, k, small_rhs ? kSmall : others, random);
  for (size_t t = 0; t < shape.taps; ++t) taps_.push_back(t * shape.kc);
  // Taps go backwards, so that a kernel that ignores them computes something else.
  for (size_t i = 0; i < shape.m; ++i)
    for (size_t t = shape.taps; t-- > 0;)
      rows_.push_back(lhs_->data() + (i * k + t * shape.kc) * bits(s.lhs) / 8);

  source_.data = rhs_->data();
  source_.dtype = s.rhs;
  source_.row_stride = s.rhs == DType::kU4 ? round_up(k, size_t(2)) : k;
  source_.taps = taps_;
  stage_ = {-std::numeric_limits<float>::infinity(), std::numeric_limits<float>::infinity(), 0};
  if (s.lhs == DType::kS8 && !s.dynamic_rows) {
    bias_ = std::make_unique<Guarded<std::byte>>(shape.n * 4);
    source_.lhs_zero = values == Values::kExtreme ? 127 : random.integer(-128, 127);
    source_.bias_dtype = DType::kS32;
    stage_.zero = random.integer(-20, 20);
    stage_.min = float(-100 - stage_.zero);
    stage_.max = float(90 - stage_.zero);
    for (size_t j = 0; j < shape.n; ++j) {
      const int32_t b = random.integer(-3000, 3000);
      std::memcpy(bias_->data() + j * 4, &b, 4);
      // Most outputs fall within the bounds, a few beyond.
      scale_.push_back(random.real(0.5f, 1.5f) * 100 / (12000 * std::sqrt(float(k + 1))));
    }
  } else {
    bias_ = random_elements(
        DType::kF32, 1, shape.n, small_lhs || small_rhs ? kSmall : Values::kRandom, random);
    if (seed % 2 == 1) stage_ = {-0.5f, 0.75f, 0};
    for (size_t j = 0; j < shape.n; ++j) scale_.push_back(random.real(0.001f, 0.02f));
  }
  source_.bias = bias_->data();
  source_.scale = scale_.data();
  if (s.scale == WeightScale::kPerBlock) {
    for (size_t i = 0; i < shape.n * (shape.kc / shape.block); ++i)
      block_scale_.push_back(BFloat16(random.real(0.001f, 0.02f)));
    source_.block_scale = block_scale_.data();
  }
  for (size_t i = 0; i < shape.m; ++i)
    row_quant_.push_back({random.integer(-128, 127), random.real(0.001f, 0.05f)});
  if (values != Values::kNan) return;
  constexpr uint8_t kAllOnes[] = {0xff, 0xff, 0xff, 0x7f};  // NaN in any float type: its last bytes
  const size_t element = bits(s.lhs) / 8;
  for (size_t i = 0; i < shape.m; i += 2) {
    row_quant_[i].scale = std::numeric_limits<float>::quiet_NaN();
    if (s.lhs == DType::kS8 || k == 0) continue;
    const size_t at = i * k + size_t(random.integer(0, int(k) - 1));
    std::memcpy(lhs_->data() + at * element, kAllOnes + 4 - element, element);
  }
}

size_t GemmProblem::out_bytes() const { return bits(signature(variant_).out) / 8; }

size_t GemmProblem::lhs_row_bytes() const {
  return shape_.taps * shape_.kc * bits(signature(variant_).lhs) / 8;
}

std::unique_ptr<Guarded<std::byte>> GemmProblem::packed(const PackLayout& layout,
                                                        PackPanels* packer, const Cpu& cpu) const {
  const auto bytes = packed_bytes(layout, rhs_shape(shape_), cpu.sme_vl32);
  auto memory = std::make_unique<Guarded<std::byte>>(bytes.value());
  const PackShape shape = rhs_shape(shape_);
  packer(layout, shape, cpu.sme_vl32, source_, 0, panel_count(layout, shape, cpu.sme_vl32),
         memory->data());
  return memory;
}

std::vector<ReferenceOutput> GemmProblem::truth() const {
  return reference_gemm({.variant = variant_,
                         .shape = shape_,
                         .rows = rows_.data(),
                         .row_quant = row_quant_.data(),
                         .row_quant_stride = 1,
                         .rhs = source_,
                         .stage = stage_});
}

std::unique_ptr<Guarded<std::byte>> GemmProblem::output(size_t gap) const {
  auto memory = std::make_unique<Guarded<std::byte>>((shape_.m * (shape_.n + gap)) * out_bytes());
  std::memset(memory->data(), int(kCanary), memory->size());
  return memory;
}

std::string GemmProblem::compare(const std::byte* out, size_t gap,
                                 const std::vector<ReferenceOutput>& truth) const {
  const GemmSignature& s = signature(variant_);
  // Every product and every addition rounds once, and so does the output. Each error is at most
  // epsilon times the sum of the magnitudes.
  const double operations = double(shape_.taps * shape_.kc) + 8;
  for (size_t i = 0; i < shape_.m; ++i) {
    for (size_t j = 0; j < shape_.n + gap; ++j) {
      const std::byte* p = out + (i * (shape_.n + gap) + j) * out_bytes();
      if (j >= shape_.n) {
        for (size_t b = 0; b < out_bytes(); ++b)
          if (p[b] != kCanary) return fmt::format("({}, {}) beyond the row was written", i, j);
        continue;
      }
      const ReferenceOutput& want = truth[i * shape_.n + j];
      const double got = as_double(s.out, p);
      // Half a unit in the last place of the output; 2^-25 is that of the smallest binary16.
      const double rounding =
          s.out == DType::kF32 ? 0 : std::abs(want.value) * epsilon_of(s.out) + 0x1p-25;
      const double tolerance =
          s.out == DType::kS8 ? 0 : operations * 0x1p-23 * want.magnitude + rounding;
      if (std::isnan(want.value) ? !std::isnan(got) : !(std::abs(got - want.value) <= tolerance))
        return fmt::format("({}, {}): {} instead of {}, tolerance {}", i, j, got, want.value,
                           tolerance);
    }
  }
  return {};
}

}  // namespace smelt
