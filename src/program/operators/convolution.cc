// Convolution over one, two or three dimensions, plain and transposed.
#include <algorithm>
#include <cstring>

#include "program/operators/graph_call.h"
#include "program/operators/window.h"

namespace smelt::program {
namespace {

constexpr size_t kSpatial = 3;

struct Geometry {
  int64_t batch, in_channels, out_channels, groups;
  Window window[kSpatial];  ///< outermost first; missing dimensions have one element

  int64_t in_size() const { return window[0].in * window[1].in * window[2].in; }
  int64_t out_size() const { return window[0].out * window[1].out * window[2].out; }
  int64_t kernel_size() const { return window[0].kernel * window[1].kernel * window[2].kernel; }
};

/// One plane of output positions and one tap of the kernel: calls f(input offset, output offset,
/// count) for rows that lie inside the input. Within a row the input advances by the innermost
/// stride.
template <class F>
void for_each_row_of_tap(const Geometry& g, int64_t kd, int64_t kh, int64_t kw, F f) {
  const Window &d = g.window[0], &h = g.window[1], &w = g.window[2];
  const int64_t begin = w.first(kw), end = w.last(kw);
  if (begin >= end) return;
  for (int64_t z = d.first(kd); z < d.last(kd); ++z) {
    for (int64_t y = h.first(kh); y < h.last(kh); ++y) {
      f((d.in_at(z, kd) * h.in + h.in_at(y, kh)) * w.in + w.in_at(begin, kw),
        (z * h.out + y) * w.out + begin, end - begin);
    }
  }
}

/// All taps of the kernel: f(tap, kd, kh, kw).
template <class F>
void for_each_tap(const Geometry& g, F f) {
  int64_t tap = 0;
  for (int64_t a = 0; a < g.window[0].kernel; ++a) {
    for (int64_t b = 0; b < g.window[1].kernel; ++b) {
      for (int64_t c = 0; c < g.window[2].kernel; ++c) f(tap++, a, b, c);
    }
  }
}

/// weight [out, in / groups, taps].
template <class C>
void convolve(ThreadPool& pool, const Geometry& g, const C* x, const C* weight, const C* bias,
              C* y) {
  const int64_t in_per_group = g.in_channels / g.groups, out_per_group = g.out_channels / g.groups;
  const int64_t taps = g.kernel_size(), stride = g.window[2].stride;
  pool.parallel_for(size_t(g.batch * g.out_channels), 1, [&](size_t first, size_t last, unsigned) {
    for (size_t i = first; i < last; ++i) {
      const int64_t n = int64_t(i) / g.out_channels, oc = int64_t(i) % g.out_channels;
      C* plane = y + int64_t(i) * g.out_size();
      std::fill_n(plane, g.out_size(), bias ? bias[oc] : C(0));
      for (int64_t c = 0; c < in_per_group; ++c) {
        const int64_t ic = oc / out_per_group * in_per_group + c;
        const C* from = x + (n * g.in_channels + ic) * g.in_size();
        const C* w = weight + (oc * in_per_group + c) * taps;
        for_each_tap(g, [&](int64_t tap, int64_t a, int64_t b, int64_t k) {
          for_each_row_of_tap(g, a, b, k, [&](int64_t in, int64_t out, int64_t count) {
            for (int64_t j = 0; j < count; ++j) {
              plane[out + j] = add(plane[out + j], mul(w[tap], from[in + j * stride]));
            }
          });
        });
      }
    }
  });
}

/// weight [in, out / groups, taps]. The geometry is that of the convolution that this one undoes:
/// its "out" is our input.
template <class C>
void convolve_transposed(ThreadPool& pool, const Geometry& g, const C* x, const C* weight,
                         const C* bias, C* y) {
  const int64_t in_per_group = g.in_channels / g.groups, out_per_group = g.out_channels / g.groups;
  const int64_t taps = g.kernel_size(), stride = g.window[2].stride;
  pool.parallel_for(size_t(g.batch * g.out_channels), 1, [&](size_t first, size_t last, unsigned) {
    for (size_t i = first; i < last; ++i) {
      const int64_t n = int64_t(i) / g.out_channels, oc = int64_t(i) % g.out_channels;
      C* plane = y + int64_t(i) * g.in_size();
      std::fill_n(plane, g.in_size(), bias ? bias[oc] : C(0));
      for (int64_t c = 0; c < in_per_group; ++c) {
        const int64_t ic = oc / out_per_group * in_per_group + c;
        const C* from = x + (n * g.in_channels + ic) * g.out_size();
        const C* w = weight + (ic * out_per_group + oc % out_per_group) * taps;
        for_each_tap(g, [&](int64_t tap, int64_t a, int64_t b, int64_t k) {
          for_each_row_of_tap(g, a, b, k, [&](int64_t to, int64_t at, int64_t count) {
            for (int64_t j = 0; j < count; ++j) {
              C& target = plane[to + j * stride];
              target = add(target, mul(w[tap], from[at + j]));
            }
          });
        });
      }
    }
  });
}

/// What a convolution is called with, apart from tensors. `first` is the argument with the strides.
struct Attributes {
  std::span<const int64_t> stride, padding, dilation, output_padding;
  bool transposed;
  int64_t groups;

  Attributes(const Arguments& call, size_t first)
      : stride(call.ints(first)),
        padding(call.ints(first + 1)),
        dilation(call.ints(first + 2)),
        output_padding(call.ints(first + 4)),
        transposed(call.boolean(first + 3)),
        groups(call.integer(first + 5)) {}
};

/// A convolution that fits together: its geometry and the shape of its result. The geometry of a
/// transposed one is that of the plain one that it undoes, but for the channels.
struct Plan {
  Geometry geometry;
  Shape shape;
};

Result<Plan> plan(const Tensor& input, const Tensor& weight, const Attributes& attributes) {
  const bool transposed = attributes.transposed;
  const int64_t groups = attributes.groups;
  const size_t spatial = weight.rank() < 3 ? 0 : weight.rank() - 2;
  const bool batched = input.rank() == weight.rank();
  const auto misfit = [&] {
    return invalid("input {} and weights {} with {} groups", to_string(input.shape),
                   to_string(weight.shape), groups);
  };
  if (spatial == 0 || spatial > kSpatial || !(batched || input.rank() + 1 == weight.rank()) ||
      groups <= 0 || weight.dtype != input.dtype) {
    return misfit();
  }
  Plan p;
  Geometry& g = p.geometry;
  const size_t lead = batched ? 1 : 0;
  g.batch = batched ? input.shape[0] : 1;
  g.in_channels = input.shape[lead];
  g.groups = groups;
  g.out_channels = transposed ? weight.shape[1] * groups : weight.shape[0];
  const bool channels_fit =
      transposed ? weight.shape[0] == g.in_channels && g.in_channels % groups == 0
                 : weight.shape[1] * groups == g.in_channels && g.out_channels % groups == 0;
  if (!channels_fit) return misfit();
  if (batched) p.shape.push_back(g.batch);
  p.shape.push_back(g.out_channels);
  for (size_t i = 0; i < spatial; ++i) {
    Window& w = g.window[kSpatial - spatial + i];
    w.kernel = weight.shape[2 + i];
    const auto value = [&](std::span<const int64_t> list, int64_t least, std::string_view what) {
      return window_attribute(list, i, spatial, least, least, what);
    };
    SMELT_ASSIGN(w.stride, value(attributes.stride, 1, "stride"));
    SMELT_ASSIGN(w.padding, value(attributes.padding, 0, "padding"));
    SMELT_ASSIGN(w.dilation, value(attributes.dilation, 1, "dilation"));
    SMELT_ASSIGN(const int64_t extra, value(attributes.output_padding, 0, "output padding"));
    const int64_t in = input.shape[lead + 1 + i], reach = w.dilation * (w.kernel - 1) + 1;
    const int64_t wide = transposed ? (in - 1) * w.stride - 2 * w.padding + reach + extra
                                    : in + 2 * w.padding - reach;
    const int64_t extent = transposed ? wide : wide < 0 ? 0 : wide / w.stride + 1;
    if (extent <= 0 || w.kernel <= 0 || in <= 0) return misfit();
    p.shape.push_back(extent);
    w.in = transposed ? extent : in;
    w.out = transposed ? in : extent;
  }
  if (!checked_numel(p.shape)) return misfit();
  return p;
}

/// The filter as delegates have it: [out, kh, kw, kd x in / groups], or [1, kh, kw, out] for
/// depthwise ones.
template <class T>
void to_delegate_layout(const Geometry& g, bool transposed, bool depthwise, const T* from, T* to) {
  const int64_t taps = g.kernel_size(), slices = g.window[0].kernel, plane = taps / slices;
  const int64_t in_per_group = g.in_channels / g.groups, out_per_group = g.out_channels / g.groups;
  for (int64_t o = 0; o < g.out_channels; ++o) {
    for (int64_t c = 0; c < in_per_group; ++c) {
      for (int64_t t = 0; t < taps; ++t) {
        const int64_t source =
            transposed
                ? ((o / out_per_group * in_per_group + c) * out_per_group + o % out_per_group)
                : o * in_per_group + c;
        const int64_t channel = t / plane * in_per_group + c;
        const int64_t target = depthwise
                                   ? t * g.out_channels + o
                                   : (o * plane + t % plane) * slices * in_per_group + channel;
        to[target] = from[source * taps + t];
      }
    }
  }
}

/// A convolution over depth, height and width as convolutions of frames. A frame is what one slice
/// of the result sees: under each tap of the filter's depth a slice of the input, which are
/// channels beside each other. (Where the depth is one, the frame is the image.)
class Frames {
 public:
  Frames(const Geometry& g, bool transposed)
      : g_(g),
        transposed_(transposed),
        slices_(transposed ? g.window[0].in : g.window[0].out),
        in_slices_(transposed ? g.window[0].out : g.window[0].in) {}

  int64_t count() const { return g_.batch * slices_; }
  int64_t channels() const { return g_.in_channels * g_.window[0].kernel; }
  /// Whether frames are the images, and results theirs, as they are.
  bool are_images() const { return slices_ == 1 && in_slices_ == 1 && g_.window[0].kernel == 1; }

  /// Frames [first, first + n), of planes of `plane` bytes each.
  void gather(ThreadPool& pool, int64_t first, int64_t n, size_t plane, const std::byte* in,
              std::byte* out) const {
    const int64_t per_group = g_.in_channels / g_.groups, taps = g_.window[0].kernel;
    for_planes(pool, n * channels(), plane, [&](int64_t i) {
      const int64_t frame = first + i / channels(), channel = i % channels();
      const int64_t group = channel / (taps * per_group), tap = channel / per_group % taps;
      const int64_t c = group * per_group + channel % per_group;
      const int64_t z = slice_under(frame % slices_, tap);
      std::byte* to = out + size_t(i) * plane;
      if (z < 0) {
        std::memset(to, 0, plane);
      } else {
        const int64_t from = (frame / slices_ * g_.in_channels + c) * in_slices_ + z;
        std::memcpy(to, in + size_t(from) * plane, plane);
      }
    });
  }
  /// Brings the results of frames to where they belong.
  void scatter(ThreadPool& pool, int64_t first, int64_t n, size_t plane, const std::byte* in,
               std::byte* out) const {
    for_planes(pool, n * g_.out_channels, plane, [&](int64_t i) {
      const int64_t frame = first + i / g_.out_channels, c = i % g_.out_channels;
      const int64_t to = (frame / slices_ * g_.out_channels + c) * slices_ + frame % slices_;
      std::memcpy(out + size_t(to) * plane, in + size_t(i) * plane, plane);
    });
  }

 private:
  /// The slice of the input that a tap brings to slice z of the result; below 0: none.
  int64_t slice_under(int64_t z, int64_t tap) const {
    const Window& depth = g_.window[0];
    if (!transposed_) {
      const int64_t at = depth.in_at(z, tap);
      return at < in_slices_ ? at : -1;
    }
    const int64_t reach = z + depth.padding - tap * depth.dilation;
    if (reach < 0 || reach % depth.stride != 0) return -1;
    return reach / depth.stride < in_slices_ ? reach / depth.stride : -1;
  }
  template <class F>
  static void for_planes(ThreadPool& pool, int64_t n, size_t bytes, F f) {
    constexpr size_t kPiece = size_t(1) << 16;
    pool.parallel_for(size_t(n), std::max<size_t>(1, kPiece / bytes),
                      [&](size_t begin, size_t end, unsigned) {
                        for (size_t i = begin; i < end; ++i) f(int64_t(i));
                      });
  }

  const Geometry& g_;
  bool transposed_;
  int64_t slices_, in_slices_;  ///< of the result and of the input
};

/// Frames that are convolved together take some such bytes: enough for all workers, and little
/// beside the input.
constexpr size_t kFrameBytes = size_t(1) << 20;

/// Computes with the convolutions of delegates, between transposes of the images.
Result<bool> accelerated(Call& call, const Geometry& g, bool transposed, const Tensor& input,
                         const Tensor& weight, const Tensor* bias, const Shape& shape,
                         Tensor& out) {
  const Window &h = g.window[1], &w = g.window[2];
  const Frames frames(g, transposed);
  const size_t element = element_size(input.dtype);
  Shape images{1, frames.channels(), transposed ? h.out : h.in, transposed ? w.out : w.in};
  Shape results{1, g.out_channels, transposed ? h.in : h.out, transposed ? w.in : w.out};
  const bool supported = is_float(input.dtype) && input.dtype != DType::kF64 && weight.constant &&
                         (bias == nullptr || (bias->constant && bias->dtype == input.dtype)) &&
                         g.batch != 0 && checked_numel(images);
  if (!supported) return call.decided({});
  const int64_t most = frames.are_images()
                           ? g.batch
                           : std::clamp<int64_t>(int64_t(kFrameBytes / (images.numel() * element)),
                                                 1, frames.count());
  images[0] = results[0] = most;
  const bool depthwise =
      !transposed && g.groups > 1 && g.groups == g.in_channels && g.window[0].kernel == 1;
  const Tensor* const constants[] = {&weight, bias};
  GraphCall* graph = GraphCall::of(call, constants, [&] {
    const auto nhwc = [](const Shape& s) { return Shape{s[0], s[2], s[3], s[1]}; };
    Graph made;
    const ValueId in = add_value(made, input.dtype, images);
    const ValueId pixels = add_value(made, input.dtype, nhwc(images));
    const Shape filter_shape =
        depthwise ? Shape{1, h.kernel, w.kernel, g.out_channels}
                  : Shape{g.out_channels, h.kernel, w.kernel, frames.channels() / g.groups};
    const ValueId filter = add_value(made, weight.dtype, filter_shape);
    auto& layout = made.owned.emplace_back(weight.bytes());
    with_bytes_of(element_size(weight.dtype), [&]<class T>(T) {
      to_delegate_layout(g, transposed, depthwise, weight.as<T>(),
                         reinterpret_cast<T*>(layout.data()));
    });
    made.values[filter].constant = layout;
    const ValueId sums = add_value(made, out.dtype, nhwc(results));
    const ValueId result = add_value(made, out.dtype, results);
    ConvAttrs attrs;
    attrs.pad_top = attrs.pad_bottom = uint32_t(h.padding);
    attrs.pad_left = attrs.pad_right = uint32_t(w.padding);
    attrs.kernel_h = uint32_t(h.kernel), attrs.kernel_w = uint32_t(w.kernel);
    attrs.stride_h = uint32_t(h.stride), attrs.stride_w = uint32_t(w.stride);
    attrs.dilation_h = uint32_t(h.dilation), attrs.dilation_w = uint32_t(w.dilation);
    attrs.groups = uint32_t(g.groups);
    attrs.in_per_group = uint32_t(frames.channels() / g.groups);
    attrs.out_per_group = uint32_t(g.out_channels / g.groups);
    if (transposed) {
      // What the output has beyond the last full stride.
      const auto extra = [](const Window& v) {
        const int64_t reach = v.dilation * (v.kernel - 1) + 1;
        return uint32_t(v.in - ((v.out - 1) * v.stride - 2 * v.padding + reach));
      };
      attrs.adjust_h = extra(h), attrs.adjust_w = extra(w);
    }
    const OpKind kind = transposed  ? OpKind::kConvTranspose2d
                        : depthwise ? OpKind::kDepthwiseConv2d
                                    : OpKind::kConv2d;
    const auto add = [&](OpKind k, Attrs a, std::vector<ValueId> from, ValueId to) {
      made.nodes.push_back({.kind = k,
                            .attrs = std::move(a),
                            .range = {},
                            .inputs = std::move(from),
                            .outputs = {to}});
    };
    std::vector<ValueId> operands = {pixels, filter};
    if (bias != nullptr) operands.push_back(add_tensor(made, *bias));
    add(OpKind::kTranspose, TransposeAttrs{{0, 2, 3, 1}}, {in}, pixels);
    add(kind, attrs, std::move(operands), sums);
    add(OpKind::kTranspose, TransposeAttrs{{0, 3, 1, 2}}, {sums}, result);
    made.inputs = {in};
    made.outputs = {result};
    return made;
  });
  if (graph == nullptr) return call.decided({});
  if (call.decided(graph->kernel())) return true;
  SMELT_TRY(out.resize(shape));
  if (frames.are_images()) {
    const std::byte* const from[] = {input.data};
    SMELT_TRY(graph->run({&images, 1}, from, out.data));
    return true;
  }
  SMELT_ASSIGN(std::byte * gathered, call.scratch().take(images.numel() * element));
  SMELT_ASSIGN(std::byte * convolved, call.scratch().take(results.numel() * element));
  for (int64_t first = 0; first < frames.count(); first += images[0]) {
    images[0] = std::min(most, frames.count() - first);
    frames.gather(call.pool(), first, images[0], images.numel(2, 4) * element, input.data,
                  gathered);
    const std::byte* const from[] = {gathered};
    SMELT_TRY(graph->run({&images, 1}, from, convolved));
    frames.scatter(call.pool(), first, images[0], results.numel(2, 4) * element, convolved,
                   out.data);
  }
  return true;
}

Status convolution(Call& call) {
  const Tensor &input = call.tensor(0), &weight = call.tensor(1);
  const Tensor* bias = call.optional_tensor(2);
  const Attributes attributes(call, 3);
  Tensor& out = call.tensor(9);
  SMELT_ASSIGN(const Plan p, plan(input, weight, attributes));
  const Geometry& g = p.geometry;
  if (out.dtype != input.dtype || (bias && !(bias->shape == Shape{g.out_channels}))) {
    return invalid("a bias of shape {} for {} channels, or a result of {}",
                   to_string(bias ? bias->shape : Shape()), g.out_channels, smelt::name(out.dtype));
  }
  SMELT_TRY(out.check_shape(p.shape));
  SMELT_ASSIGN(const bool done,
               accelerated(call, g, attributes.transposed, input, weight, bias, p.shape, out));
  if (done) return {};
  SMELT_TRY(out.resize(p.shape));
  return with_compute(compute_of(out.dtype), [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, input));
    SMELT_ASSIGN(const C* w, elements<C>(call, weight));
    const C* b = nullptr;
    if (bias != nullptr) {
      SMELT_ASSIGN(b, elements<C>(call, *bias));
    }
    SMELT_ASSIGN(C * y, result_elements<C>(call, out));
    if (attributes.transposed) {
      convolve_transposed(call.pool(), g, x, w, b, y);
    } else {
      convolve(call.pool(), g, x, w, b, y);
    }
    store(out, y);
    return {};
  });
}

/// The products that belong to each weight. `small` has the extents `out` of the windows, `big` the
/// extents `in`.
template <class C>
void weight_gradient(const Geometry& g, int64_t small_channels, int64_t big_channels,
                     const C* small, const C* big, C* gradient) {
  const int64_t taps = g.kernel_size(), stride = g.window[2].stride;
  const int64_t small_per_group = small_channels / g.groups,
                big_per_group = big_channels / g.groups;
  for (int64_t s = 0; s < small_channels; ++s) {
    for (int64_t c = 0; c < big_per_group; ++c) {
      const int64_t b = s / small_per_group * big_per_group + c;
      for_each_tap(g, [&](int64_t tap, int64_t kd, int64_t kh, int64_t kw) {
        C sum = 0;
        for (int64_t n = 0; n < g.batch; ++n) {
          const C* x = big + (n * big_channels + b) * g.in_size();
          const C* y = small + (n * small_channels + s) * g.out_size();
          for_each_row_of_tap(g, kd, kh, kw, [&](int64_t in, int64_t out, int64_t count) {
            for (int64_t j = 0; j < count; ++j) sum += x[in + j * stride] * y[out + j];
          });
        }
        gradient[(s * big_per_group + c) * taps + tap] = sum;
      });
    }
  }
}

/// (grad_output, input, weight, bias_sizes?, stride, padding, dilation, transposed, output_padding,
/// groups, mask, grad_input, grad_weight, grad_bias)
Status convolution_backward(Call& call) {
  const Tensor &grad = call.tensor(0), &input = call.tensor(1), &weight = call.tensor(2);
  const Attributes attributes(call, 4);
  const auto mask = call.bools(10);
  SMELT_ASSIGN(const Plan p, plan(input, weight, attributes));
  const Geometry& g = p.geometry;
  if (!(grad.shape == p.shape) || grad.dtype != input.dtype || !is_float(input.dtype) ||
      mask.size() != 3) {
    return invalid("a gradient of shape {} for a result of shape {}", to_string(grad.shape),
                   to_string(p.shape));
  }
  const Shape shapes[] = {input.shape, weight.shape, Shape{g.out_channels}};
  for (size_t i = 0; i < 3; ++i)
    if (mask[i]) SMELT_TRY(call.tensor(11 + i).resize(shapes[i]));
  const bool transposed = attributes.transposed;
  return with_float(input.dtype, [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, input));
    SMELT_ASSIGN(const C* w, elements<C>(call, weight));
    SMELT_ASSIGN(const C* dy, elements<C>(call, grad));
    if (mask[0]) {
      Tensor& out = call.tensor(11);
      SMELT_ASSIGN(C * dx, result_elements<C>(call, out));
      Geometry back = g;
      std::swap(back.in_channels, back.out_channels);
      if (transposed) {
        convolve<C>(call.pool(), back, dy, w, nullptr, dx);
      } else {
        convolve_transposed<C>(call.pool(), back, dy, w, nullptr, dx);
      }
      store(out, dx);
    }
    if (mask[1]) {
      Tensor& out = call.tensor(12);
      SMELT_ASSIGN(C * dw, result_elements<C>(call, out));
      if (transposed) {
        weight_gradient(g, g.in_channels, g.out_channels, x, dy, dw);
      } else {
        weight_gradient(g, g.out_channels, g.in_channels, dy, x, dw);
      }
      store(out, dw);
    }
    if (mask[2]) {
      Tensor& out = call.tensor(13);
      SMELT_ASSIGN(C * db, result_elements<C>(call, out));
      const int64_t size = transposed ? g.in_size() : g.out_size();
      std::fill_n(db, g.out_channels, C(0));
      for (int64_t i = 0; i < g.batch * g.out_channels; ++i) {
        for (int64_t k = 0; k < size; ++k) db[i % g.out_channels] += dy[i * size + k];
      }
      store(out, db);
    }
    return {};
  });
}

/// A weight meets every position of the result, or, transposed, of the input: taps that fall into
/// the padding count as well, as they do in delegates.
uint64_t macs(const Tensor& input, const Tensor& weight, const Attributes& attributes) {
  const auto p = plan(input, weight, attributes);
  if (!p) return 0;
  return uint64_t(p->geometry.batch) * uint64_t(p->geometry.out_size()) * weight.numel();
}
uint64_t convolution_macs(const DescribedArguments& args) {
  return macs(args.tensor(0), args.tensor(1), Attributes(args, 3));
}
/// The gradients of input and weights have as many products as the result has.
uint64_t backward_macs(const DescribedArguments& args) {
  const auto wanted = args.bools(10);
  const auto gradients =
      std::count(wanted.begin(), wanted.begin() + (wanted.size() == 3 ? 2 : 0), uint8_t(1));
  return uint64_t(gradients) * macs(args.tensor(1), args.tensor(2), Attributes(args, 4));
}

constexpr Operator kOperators[] = {
    multiplying(convolution_macs, choosing({"aten::convolution.out", "TTtLLLBLIW", convolution})),
    multiplying(backward_macs,
                {"aten::convolution_backward.out", "TTTlLLLBLIMWWW", convolution_backward}),
};
constexpr auto kTable = of_category(Category::kMatrixProduct, kOperators);

}  // namespace

std::span<const Operator> convolution_operators() { return kTable; }

}  // namespace smelt::program
