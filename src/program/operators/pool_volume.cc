#include "program/operators/pool_volume.h"

namespace smelt::program {
namespace {

/// Dimensions of which a single window covers all elements are one long dimension.
void join(PoolVolume& v) {
  const auto whole = [&](size_t d) {
    const PoolSpan& s = v.spans[d][0];
    return v.out[d] == 1 && s.begin == 0 && s.end == v.in[d] && s.step == 1;
  };
  for (size_t d = kPoolDims - 1; d-- > 0 && whole(kPoolDims - 1) && whole(d);) {
    v.in[2] *= v.in[d];
    v.spans[2][0] = {0, v.in[2], 1, v.spans[2][0].padded * v.spans[d][0].padded};
    v.in[d] = 1;
    v.spans[d][0] = {0, 1, 1, 1};
    v.columns.kernel = 0;
  }
}

/// window(extent, which of `dims`) gives the window of a dimension; span(window, position) what it
/// covers.
template <class F, class G>
Result<PoolVolume> volume_of(Call& call, const Tensor& self, size_t dims, F window, G span) {
  if (self.rank() != dims + 1 && self.rank() != dims + 2) {
    return invalid("pooling of {} over {} dimensions, expected {} or {}", to_string(self.shape),
                   dims, dims + 1, dims + 2);
  }
  PoolVolume v;
  v.count = self.shape.numel(0, self.rank() - dims);
  v.shape = self.shape;
  for (size_t k = 0; k < kPoolDims; ++k) {
    Window w;
    const size_t i = k - (kPoolDims - dims), d = self.rank() - kPoolDims + k;
    if (k >= kPoolDims - dims) {
      w.in = self.shape[d];
      if (w.in == 0) return invalid("pooling of {}", to_string(self.shape));
      SMELT_TRY(window(w, i));
      v.shape[d] = w.out;
    }
    v.in[k] = w.in;
    v.out[k] = w.out;
    v.columns = w;
    SMELT_ASSIGN(v.spans[k], call.scratch().take<PoolSpan>(size_t(w.out)));
    for (int64_t p = 0; p < w.out; ++p) v.spans[k][p] = span(w, p);
  }
  if (!checked_numel(v.shape)) return invalid("an impossible shape {}", to_string(v.shape));
  if (v.out_size() != 0) join(v);
  return v;
}

}  // namespace

Status check_places(const PoolVolume& v) {
  if (v.in_size() <= size_t(INT32_MAX)) return {};
  return fail(ErrorCode::kUnsupported, "pooling with windows that slide over {} elements",
              v.in_size());
}

Result<PoolVolume> sliding_windows(Call& call, size_t dims, std::span<const int64_t> dilation,
                                   bool ceil_mode, size_t at) {
  const auto kernel = call.ints(at + 1), stride = call.ints(at + 2), padding = call.ints(at + 3);
  const auto window = [&](Window& w, size_t i) {
    return slide(w, i, dims, kernel, stride, padding, dilation, ceil_mode);
  };
  return volume_of(call, call.tensor(at), dims, window, [](const Window& w, int64_t p) {
    const int64_t first = w.in_at(p, 0), behind = w.in_at(p, w.kernel - 1) + 1;
    const int64_t skipped = first < 0 ? div_up(-first, w.dilation) : 0;
    return PoolSpan{first + skipped * w.dilation, std::min(behind, w.in), w.dilation,
                    std::min(first + w.kernel, w.in + w.padding) - first};
  });
}

Result<PoolVolume> dividing_windows(Call& call, const Tensor& self, size_t dims,
                                    std::span<const int64_t> sizes) {
  const auto window = [&](Window& w, size_t i) -> Status {
    if (sizes.size() != dims || sizes[i] < 0 || sizes[i] > INT32_MAX) {
      return invalid("pooling to {} sizes", sizes.size());
    }
    w.out = sizes[i];
    w.kernel = w.stride = w.out != 0 && w.in % w.out == 0 ? w.in / w.out : 0;
    return {};
  };
  // Cell p of n covers [floor(p·in / n), ceil((p + 1)·in / n)).
  return volume_of(call, self, dims, window, [](const Window& w, int64_t p) {
    const int64_t begin = p * w.in / w.out, end = div_up((p + 1) * w.in, w.out);
    return PoolSpan{begin, end, 1, end - begin};
  });
}

}  // namespace smelt::program
