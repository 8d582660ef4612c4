#include "ops/quantize_lhs.h"

#include "base/checked.h"
#include "ops/bound.h"
#include "ops/operand.h"
#include "platform/memory.h"

namespace smelt {

namespace {

class BoundQuantizeLhs final : public BoundOp {
 public:
  BoundQuantizeLhs(const TensorDesc& from, const TensorDesc& to, const Cpu& cpu, unsigned workers)
      : lhs_(*to.form),
        row_quant_offset_(to.row_quant_offset()),
        element_(bits(from.dtype) / 8),
        max_workers_(cpu.workers_for(lhs_.isa(), workers)),
        name_(fmt::format("quantize_lhs_{}", name(lhs_.isa()))) {
    if (from.dtype == DType::kF32) return;
    widen_ = for_float(vector_kernels(cpu).convert, from.dtype).f32;
    floats_bytes_ = round_up(lhs_.panel_rows() * lhs_.k * sizeof(float), kAlignment);
  }

  size_t scratch_bytes() const noexcept override { return floats_bytes_ * max_workers_; }
  std::string_view kernel() const noexcept override { return name_; }
  std::optional<KernelChoice> choice(const Cpu&) const override {
    return KernelChoice{.variant = {}, .isa = lhs_.isa(), .tile = {}, .rejected = {}};
  }

  void run(Inputs in, Outputs out, RunContext& context) const noexcept override {
    auto* found = reinterpret_cast<RowQuant*>(out[0] + row_quant_offset_);
    const size_t height = lhs_.panel_rows();
    const auto work = [&](size_t begin, size_t end, unsigned worker) {
      const size_t first = begin * height, last = std::min(lhs_.rows, end * height);
      const std::byte* rows = in[0] + first * lhs_.k * element_;
      if (widen_ == nullptr) {
        lhs_.quantize(first, last, reinterpret_cast<const float*>(rows), found, out[0]);
        return;
      }
      // A panel at a time: its floats are still in the nearest caches when they are packed.
      auto* floats = reinterpret_cast<float*>(context.scratch.data() + worker * floats_bytes_);
      for (size_t r = first; r < last; r += height) {
        const size_t next = std::min(last, r + height), count = (next - r) * lhs_.k;
        widen_(rows, floats, count);
        lhs_.quantize(r, next, floats, found, out[0]);
        rows += count * element_;
      }
    };
    for_units_of_workers(context, lhs_.panels(), height * lhs_.k, max_workers_, work);
  }

 private:
  QuantizedLhs lhs_;
  size_t row_quant_offset_;
  size_t element_;  ///< bytes of a float as it comes
  unsigned max_workers_;
  std::string name_;
  ConvertFn widen_ = nullptr;  ///< to float32, if it is not that already
  size_t floats_bytes_ = 0;    ///< of a panel's floats, for each worker
};

}  // namespace

Result<std::unique_ptr<const BoundOp>> bind_quantize_lhs(const TensorDesc& from,
                                                         const TensorDesc& to, const Cpu& cpu,
                                                         unsigned workers) {
  const auto floats =
      checked_mul(to.form->panel_rows() * to.form->k * sizeof(float), size_t(workers));
  if (!floats) return fail(ErrorCode::kOutOfMemory, "rows of {} are too long", to.form->k);
  return std::make_unique<const BoundQuantizeLhs>(from, to, cpu, workers);
}

}  // namespace smelt
