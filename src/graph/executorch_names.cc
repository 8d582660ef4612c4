#include "graph/executorch_names.h"

#include <algorithm>
#include <unordered_map>

#include "base/status.h"
#include "graph/executorch_rewrites.h"

namespace smelt {

namespace {

using enum QuantGranularity;

const GraphValue& value(const ExecuTorchGraph& graph, ValueId id) { return graph.values[id]; }

bool is_float(const GraphValue& v) {
  return v.quant.granularity == kNone &&
         (v.dtype == DType::kF32 || v.dtype == DType::kF16 || v.dtype == DType::kBF16);
}

bool is(const GraphValue& v, DType dtype, QuantGranularity granularity) {
  return v.dtype == dtype && v.quant.granularity == granularity;
}

// "F32": of floats; "QS8", "QU8" of bytes with one scale.
std::string_view compute_type(const GraphValue& v) {
  switch (v.dtype) {
    case DType::kF32:
      return "F32";
    case DType::kF16:
      return "F16";
    case DType::kBF16:
      return "BF16";
    case DType::kU8:
      return "QU8";
    default:
      return "QS8";
  }
}

// "X32": of data that is only moved.
std::string moved_type(const GraphValue& v) { return fmt::format("X{}", bits(v.dtype)); }

std::string_view weight_type(const GraphValue& rhs) {
  if (rhs.dtype == DType::kU4) return rhs.quant.granularity == kPerBlock ? "QB4W" : "QC4W";
  return "QC8W";
}

// Whose kernels a matrix product gets.
struct Kernels {
  ExecuTorch version;
  bool sme, sme2, dot;  ///< what the CPU has
  bool x86, vnni;
  bool all;  ///< whatever has a packed kernel in Smelt
};

// A pf32 or pf16 product. f16 began with SME2 only; SME came with v1.3.
bool packs_float(const GraphValue& lhs, const GraphValue& rhs, const Kernels& k) {
  if (k.all) return true;
  if (lhs.dtype == DType::kF32) return k.sme && rhs.dtype == DType::kF32;
  if (lhs.dtype != DType::kF16 || rhs.dtype != DType::kF16) return false;
  return k.version == ExecuTorch::k1_0 ? k.sme2 : k.sme;
}

bool packs_static_int8(const GraphValue& rhs, const Kernels& k, bool per_tensor_too) {
  if (k.all) return true;
  const bool unit = k.version == ExecuTorch::k1_0 ? k.sme2 : k.sme;
  return unit && (per_tensor_too || rhs.quant.granularity == kPerChannel);
}

// "QD8" or "QDU8": rows quantised while running are unsigned where x86's instructions want that.
std::string_view dynamic_type(const GraphValue& rhs, const Kernels& k) {
  const bool by_channel = rhs.dtype == DType::kU4 && rhs.quant.granularity == kPerChannel;
  return k.vnni || (k.x86 && by_channel) ? "QDU8" : "QD8";
}

std::string fully_connected(const GraphValue& lhs, const GraphValue& rhs, const GraphValue& out,
                            const Kernels& k) {
  const std::string_view prefix = rhs.is_constant() ? "" : "Dynamic ";
  if (is_float(lhs)) {
    const char* packed = packs_float(lhs, rhs, k) ? "P" : "";
    return fmt::format("{}Fully Connected (NC, {}{}) GEMM", prefix, packed, compute_type(lhs));
  }
  if (is(lhs, DType::kS8, kPerToken)) {
    const bool packed = k.all || (k.dot && out.dtype == DType::kF32);
    return fmt::format("Fully Connected (NC, {}, {}, {}) GEMM",
                       packed ? "QP8" : dynamic_type(rhs, k), compute_type(out), weight_type(rhs));
  }
  if (packs_static_int8(rhs, k, false)) return "Fully Connected (NC, PQS8, QC8W) GEMM";
  if (rhs.quant.granularity == kPerChannel) return "Fully Connected (NC, QS8, QC8W) GEMM";
  return fmt::format("Fully Connected (NC, {}) GEMM", compute_type(lhs));
}

std::string depthwise(const GraphValue& lhs, const GraphValue& rhs, const ConvAttrs& a,
                      const Kernels& k) {
  // One output per channel, and a window that its largest kernel holds; else it multiplies like any
  // other, without packed kernels. Floats of one pixel had a kernel of their own.
  constexpr uint32_t kLargestWindow = 25;
  const uint32_t window = a.kernel_h * a.kernel_w;
  const bool as_it_lies = a.stride_h == 1 && a.stride_w == 1 &&
                          a.pad_top + a.pad_right + a.pad_bottom + a.pad_left == 0;
  std::string_view kernel = "DWConv";
  if (!k.all && (a.in_per_group != 1 || a.out_per_group != 1 || window > kLargestWindow))
    kernel = "IGEMM";
  if (!k.all && kernel == "DWConv" && window == 1 && as_it_lies && is_float(lhs) &&
      k.version == ExecuTorch::k1_0)
    kernel = "VMulCAddC";
  std::string_view type = compute_type(lhs);
  if (rhs.quant.granularity == kPerChannel) type = "QC8";
  return fmt::format("Convolution (NHWC, {}) {}", type, kernel);
}

std::string convolution(const ExecuTorchGraph& graph, const Node& node, const Kernels& k) {
  const GraphValue &lhs = value(graph, node.inputs[0]), &rhs = value(graph, node.inputs[1]),
                   &out = value(graph, node.outputs[0]);
  const auto& attrs = std::get<ConvAttrs>(node.attrs);
  if (node.kind == OpKind::kDepthwiseConv2d) return depthwise(lhs, rhs, attrs, k);
  const bool transposed = node.kind == OpKind::kConvTranspose2d;
  const std::string_view what = transposed ? "Deconvolution" : "Convolution";
  if (is_pointwise(node)) return fully_connected(lhs, rhs, out, k);
  // A transposed convolution with a stride is a sum of convolutions without one, unless packed.
  const bool sum = transposed && std::max(attrs.stride_h, attrs.stride_w) > 1 &&
                   attrs.stride_h <= attrs.kernel_h && attrs.stride_w <= attrs.kernel_w &&
                   attrs.dilation_h * attrs.dilation_w == 1;
  const std::string_view kernel = sum && !k.all ? "Subconv2D" : "IGEMM";
  if (is(lhs, DType::kS8, kPerToken)) {
    return fmt::format("{} (NHWC, {}, {}, QC8W) IGEMM", what, k.all ? "QP8" : dynamic_type(rhs, k),
                       compute_type(out));
  }
  if (!is_float(lhs)) {
    if (packs_static_int8(rhs, k, true))
      return fmt::format("{} (NHWC, PQS8, QS8, QC8W) IGEMM", what);
    if (rhs.quant.granularity != kPerChannel)
      return fmt::format("{} (NHWC, {}) {}", what, compute_type(lhs), kernel);
    return fmt::format(
        "{} {}", transposed ? "Deconvolution (NC, QS8, QC8W)" : "Convolution (NHWC, QC8)", kernel);
  }
  // Floating convolutions are packed from v1.3 on, transposed ones never; an f32 filter serves f16.
  const bool unit = k.version == ExecuTorch::kCurrent && k.sme;
  const bool packed = k.all || (unit && !transposed && lhs.dtype != DType::kBF16);
  return fmt::format("{} (NHWC, {}{}) {}", what, packed ? "P" : "", compute_type(lhs), kernel);
}

std::string any_name(const ExecuTorchGraph& graph, const ExecuTorchNode& node, const Kernels& k) {
  if (node.table) return "Invalid Unary Op";  // sic: a table has no operator of its own
  const GraphValue& in = value(graph, node.inputs[0]);
  const GraphValue& out = value(graph, node.outputs[0]);
  switch (node.kind) {
    case OpKind::kFullyConnected:
      return fully_connected(in, value(graph, node.inputs[1]), out, k);
    case OpKind::kConv2d:
    case OpKind::kDepthwiseConv2d:
    case OpKind::kConvTranspose2d:
      return convolution(graph, node, k);
    case OpKind::kBatchMatMul: {
      const bool packed = packs_float(in, value(graph, node.inputs[1]), k);
      return fmt::format("Batch Matrix Multiply (NC, {}{}) GEMM", packed ? "P" : "",
                         compute_type(in));
    }
    case OpKind::kScaledDotProductAttention:
      return fmt::format("Scaled Dot Product Attention (NHTC, {})", compute_type(in));
    case OpKind::kAdd:
      return "Add (ND)";
    case OpKind::kSubtract:
      return "Subtract (ND)";
    case OpKind::kMultiply:
      return "Multiply (ND)";
    case OpKind::kDivide:
      return "Divide (ND)";
    case OpKind::kMinimum:
      return "Minimum (ND)";
    case OpKind::kMaximum:
      return "Maximum (ND)";
    case OpKind::kPRelu:
      return "PReLU (ND)";
    case OpKind::kAbs:
      return "Abs (NC)";
    case OpKind::kCeiling:
      return "Ceiling (NC)";
    case OpKind::kClamp:
      return "Clamp (NC)";
    case OpKind::kConvert:
      if (out.quant.granularity != kPerToken) return "Convert (NC)";
      return fmt::format("Convert (NC, {}, {})", compute_type(in), k.vnni ? "QDU8" : "QD8");
    case OpKind::kCopy:
      return fmt::format("Copy (NC, {})", moved_type(in));
    case OpKind::kCos:
      return "Cosine (NC)";
    case OpKind::kElu:
      return "ELU (NC)";
    case OpKind::kExp:
      return "Exp (NC)";
    case OpKind::kFloor:
      return "Floor (NC)";
    case OpKind::kGelu:
      return "GELU (NC)";
    case OpKind::kHardswish:
      return "HardSwish (NC)";
    case OpKind::kLeakyRelu:
      return "LeakyReLU (NC)";
    case OpKind::kLog:
      return "Log (NC)";
    case OpKind::kNegate:
      return "Negate (NC)";
    case OpKind::kReciprocalSquareRoot:
      return "Reciprocal Square Root (NC)";
    case OpKind::kSigmoid:
      return "Sigmoid (NC)";
    case OpKind::kSin:
      return "Sine (NC)";
    case OpKind::kSquare:
      return "Square (NC)";
    case OpKind::kSquareRoot:
      return "Square Root (NC)";
    case OpKind::kTanh:
      return "TanH (NC)";
    case OpKind::kSoftmax:
      return fmt::format("Softmax (NC, {})", compute_type(in));
    case OpKind::kAvgPool2d:
      return fmt::format("Average Pooling (NHWC, {}) Pixelwise Average Pooling", compute_type(in));
    case OpKind::kMaxPool2d:
      return fmt::format("Max Pooling (NHWC, {})", is_float(in)             ? compute_type(in)
                                                   : in.dtype == DType::kU8 ? "U8"
                                                                            : "S8");
    case OpKind::kArgMaxPool2d:
      return fmt::format("ArgMax Pooling (NHWC, {})", compute_type(in));
    case OpKind::kGlobalAvgPool2d:
      return in.dtype == DType::kS8 ? "Mean (ND)" : "Mean (ND) Reduce2";
    case OpKind::kResizeBilinear2d:
      return "Resize Bilinear (NHWC)";
    case OpKind::kTranspose:
      return fmt::format("Transpose (ND, {})", moved_type(in));
    case OpKind::kReshape:
      return "Static Reshape (NC)";
    case OpKind::kSlice:
      return fmt::format("Slice (ND, {})", moved_type(in));
    case OpKind::kPad:
      return fmt::format("Constant Pad (ND, {})", moved_type(in));
    case OpKind::kConcatenate:
      return fmt::format("Copy (NC, {})", moved_type(in));
  }
  return std::string(name(node.kind));
}

// ExecuTorch numbers steps of the same name.
std::vector<NamedStep> numbered(const ExecuTorchGraph& graph, const Kernels& kernels) {
  std::vector<NamedStep> steps;
  std::unordered_map<std::string, int> count;
  for (const ExecuTorchNode& node : graph.nodes) {
    std::string name = any_name(graph, node, kernels);
    const int number = ++count[name];
    steps.push_back({node.origin, fmt::format("{} #{}", name, number)});
  }
  return steps;
}

}  // namespace

std::vector<NamedStep> executorch_steps(const Graph& graph, ExecuTorch version, const Cpu& cpu) {
  const bool sme2 = cpu.isa.has(Isa::kSme2);
  return numbered(executorch_rewritten(graph, version),
                  {.version = version,
                   .sme = cpu.isa.has(Isa::kSme) || sme2,
                   .sme2 = sme2,
                   .dot = cpu.isa.has(Isa::kNeonDot) || cpu.isa.has(Isa::kNeonI8mm) || sme2,
                   .x86 = !cpu.isa.has(Isa::kNeon),
                   .vnni = cpu.isa.has(Isa::kAvx512Vnni),
                   .all = false});
}

std::vector<NamedStep> step_names(const Graph& graph) {
  return numbered(executorch_graph(graph), {.version = ExecuTorch::kCurrent,
                                            .sme = true,
                                            .sme2 = true,
                                            .dot = true,
                                            .x86 = false,
                                            .vnni = false,
                                            .all = true});
}

}  // namespace smelt
