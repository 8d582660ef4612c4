#include "ops/padded_images.h"

#include <algorithm>
#include <cstring>

#include "base/checked.h"
#include "kernels/gemm/variant.h"

namespace smelt {

namespace {
// What a conversion may write beyond its last element.
constexpr size_t kBeyond = 64;
// Bytes of a copy that are worth waking a worker for.
constexpr size_t kPieceBytes = size_t(1) << 15;
}  // namespace

size_t AxisSpan::inside() const {
  const ptrdiff_t begin = std::max<ptrdiff_t>(first, 0), end = std::min(last, ptrdiff_t(extent));
  return end > begin ? size_t(end - begin) : 0;
}

void AxisSpan::add(const WindowAxis& axis) {
  extent = axis.in_extent;
  if (axis.count == 0 || axis.offsets.empty()) return;
  const auto [low, high] = std::minmax_element(axis.offsets.begin(), axis.offsets.end());
  const ptrdiff_t end = ptrdiff_t(axis.count - 1) * axis.in_step + *high + 1;
  const bool empty = first == last;
  first = empty ? *low : std::min(first, *low);
  last = empty ? end : std::max(last, end);
}

PaddedImages::PaddedImages(const GemmKernel& kernel, size_t images, AxisSpan y, AxisSpan x,
                           size_t pixel, int8_t zero)
    : form_(kernel.prepared),
      images_(images),
      y_(y),
      x_(x),
      pixel_(pixel),
      in_element_(layout_bits(signature(kernel.variant).lhs) / 8),
      out_element_(form_.run != nullptr ? form_.bytes : in_element_),
      line_(round_up(x.size() * pixel * out_element_, size_t(64)) + kBeyond),
      zero_(zero) {}

WindowRows PaddedImages::windows(const WindowRows& rows, bool dense_taps) const {
  WindowRows out = rows;
  const auto move = [](WindowAxis& axis, const AxisSpan& span) {
    for (ptrdiff_t& offset : axis.offsets) offset -= span.first;
    axis.in_extent = span.size();
  };
  move(out.y, y_);
  move(out.x, x_);
  if (dense_taps) out.x.offsets.resize(1);
  out.in_pixel = pixel_ * out_element_;
  out.in_line = line_;
  return out;
}

std::optional<size_t> PaddedImages::bytes() const {
  const auto elements = checked_mul(x_.size(), pixel_);
  const auto line = elements ? checked_mul(*elements, out_element_) : std::nullopt;
  const auto lines = checked_mul(images_, y_.size());
  if (!line || !lines || *line > ~size_t(0) / 2) return std::nullopt;
  return checked_mul(*lines, line_);  // a multiple of 64
}

void PaddedImages::pad(int8_t zero, std::byte* out, size_t elements) const noexcept {
  if (elements == 0) return;
  if (form_.run == nullptr || in_element_ != 1) {
    std::memset(out, in_element_ == 1 ? zero : 0,
                elements * out_element_);  // zeros of all float types are zeros
    return;
  }
  alignas(64) std::byte one[kBeyond + 8];
  const std::byte stored{uint8_t(zero)};
  form_.convert(&stored, one, 1);
  if (out_element_ == 1) {
    std::memset(out, int(one[0]), elements);
    return;
  }
  for (size_t i = 0; i < elements; ++i) std::memcpy(out + i * out_element_, one, out_element_);
}

void PaddedImages::copy_line(const std::byte* in, int8_t zero, std::byte* out) const noexcept {
  const size_t left = x_.before() * pixel_, middle = x_.inside() * pixel_,
               right = x_.size() * pixel_ - left - middle;
  pad(zero, out, left);
  const std::byte* from = in + size_t(std::max<ptrdiff_t>(x_.first, 0)) * pixel_ * in_element_;
  std::byte* to = out + left * out_element_;
  if (form_.run == nullptr)
    std::memcpy(to, from, middle * in_element_);
  else if (middle != 0)
    form_.convert(from, to, middle);
  pad(zero, to + middle * out_element_, right);
}

void PaddedImages::run(const std::byte* in, const RowQuant* zeros, std::byte* out,
                       ThreadPool& pool) const noexcept {
  const size_t in_line = x_.extent * pixel_ * in_element_, lines = y_.size(), first = y_.before();
  const size_t inside = y_.inside(), skipped = size_t(std::max<ptrdiff_t>(y_.first, 0));
  const auto work = [&](size_t begin, size_t end, unsigned) {
    for (size_t i = begin; i < end; ++i) {
      const size_t image = i / lines, y = i % lines;
      const int8_t zero = zeros != nullptr ? int8_t(zeros[image].zero) : zero_;
      std::byte* line = out + i * line_;
      if (y < first || y >= first + inside)
        pad(zero, line, x_.size() * pixel_);
      else
        copy_line(in + (image * y_.extent + y - first + skipped) * in_line, zero, line);
    }
  };
  pool.parallel_for(images_ * lines, std::max<size_t>(1, kPieceBytes / line_), work);
}

}  // namespace smelt
