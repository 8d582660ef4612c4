#include "describe.h"

#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "program_generated.h"
#include "xnnpack_generated.h"

namespace smelt {
namespace {

template <class T>
T number_at(std::span<const std::byte> bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

class Describer {
 public:
  explicit Describer(std::span<const std::byte> file) : file_(file) {}

  std::string run() {
    if (file_.size() < 64) {
      ADD_FAILURE() << "a file of " << file_.size() << " bytes";
      return {};
    }
    const auto size = number_at<uint64_t>(file_, 16);
    base_ = size_t(number_at<uint64_t>(file_, 24));
    line("header {} {}, {} bytes of segments behind {} of padding", text(8, 4),
         number_at<uint32_t>(file_, 12),
         number_at<uint64_t>(file_, 32) == file_.size() - base_ ? "all" : "some",
         base_ % 128 == 0 && base_ - size < 128 ? "little" : "odd");
    if (!verified<pte::Program>(file_.first(size), pte::ProgramIdentifier())) return {};
    program(*pte::GetProgram(file_.data()));
    return std::move(out_);
  }

 private:
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    out_ += fmt::format(format, std::forward<Args>(args)...) + '\n';
  }
  std::string text(size_t at, size_t n) const {
    return {reinterpret_cast<const char*>(file_.data()) + at, n};
  }

  template <class T>
  bool verified(std::span<const std::byte> bytes, const char* identifier) {
    flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    const bool ok = verifier.VerifyBuffer<T>(identifier);
    EXPECT_TRUE(ok) << identifier << ": no valid flatbuffer";
    return ok;
  }

  /// Numbers of the fields that are present, but for some that may be or not.
  template <class T>
  std::string fields(const T& t, std::initializer_list<flatbuffers::voffset_t> optional = {}) {
    // Every generated class is its table, and hides it.
    const auto& table = reinterpret_cast<const flatbuffers::Table&>(t);
    const auto* vtable = table.GetVTable();
    const auto bytes = flatbuffers::ReadScalar<flatbuffers::voffset_t>(vtable);
    std::vector<int> present;
    for (flatbuffers::voffset_t at = 4; at < bytes; at += 2) {
      const bool may_be = std::find(optional.begin(), optional.end(), at) != optional.end();
      if (table.CheckField(at) && !may_be) present.push_back(at / 2 - 2);
    }
    return fmt::format("{{{}}}", fmt::join(present, " "));
  }
  template <class V>
  static std::string list(const V* v) {
    if (v == nullptr) return "-";
    return fmt::format("[{}]", fmt::join(v->begin(), v->end(), " "));
  }

  void program(const pte::Program& p) {
    line("program {} version {}", fields(p), p.version());
    for (const auto* plan : *p.execution_plan()) execution_plan(*plan);
    const auto& constants = *p.constant_segment();
    line("constants {} in {} at {}", fields(constants), constants.segment_index(),
         list(constants.offsets()));
    size_t end = 0, index = 0;
    std::vector<uint32_t> payloads;
    for (const auto* delegate : *p.execution_plan()->Get(0)->delegates()) {
      payloads.push_back(delegate->processed()->index());
    }
    for (const auto* s : *p.segments()) {
      const bool payload = std::ranges::find(payloads, index) != payloads.end();
      const size_t aligned = (end + 127) / 128 * 128;
      line("segment {} {} aligned {}", index, payload ? "payload" : fmt::to_string(s->size()),
           s->offset() == aligned);
      end = s->offset() + s->size();
      ++index;
    }
    if (p.named_data() != nullptr) {
      for (const auto* n : *p.named_data()) {
        line("named {} {} in {}", fields(*n), key(n->key()), n->segment_index());
      }
    }
    for (const uint32_t i : payloads) {
      const auto* s = p.segments()->Get(i);
      payload(file_.subspan(base_ + s->offset(), s->size()));
    }
  }

  /// A key without its hash.
  static std::string key(const flatbuffers::String* s) {
    if (s == nullptr) return "-";
    const std::string all = s->str();
    return all.size() < 64 ? "'" + all + "'" : all.substr(0, all.size() - 64) + "<hash>";
  }

  void execution_plan(const pte::ExecutionPlan& p) {
    line("plan {} {}", fields(p), p.name()->str());
    const auto& c = *p.container_meta_type();
    line("container {} {} {}", fields(c), c.encoded_inp_str()->str(), c.encoded_out_str()->str());
    for (const auto* v : *p.values()) {
      const pte::Tensor* t = v->val_as_Tensor();
      if (t == nullptr) {
        line("value {} {}", fields(*v), int(v->val_type()));
        continue;
      }
      const auto* place = t->allocation_info();
      line("value {} tensor {} type {} {} order {} dynamism {} place {} memory {} aligned {}",
           fields(*v), fields(*t), int(t->scalar_type()), list(t->sizes()), list(t->dim_order()),
           int(t->shape_dynamism()), fields(*place, {pte::AllocationDetails::VT_MEMORY_OFFSET_LOW}),
           place->memory_id(), place->memory_offset_low() % 16 == 0);
    }
    line("inputs {} outputs {}", list(p.inputs()), list(p.outputs()));
    for (const auto* chain : *p.chains()) {
      line("chain {} {} {}", fields(*chain), list(chain->inputs()), list(chain->outputs()));
      for (const auto* i : *chain->instructions()) {
        const auto* call = i->instr_args_as_DelegateCall();
        line("instruction {} type {}", fields(*i), int(i->instr_args_type()));
        if (call != nullptr) {
          line("call {} {} {}", fields(*call), call->delegate_index(), list(call->args()));
        }
      }
    }
    line("operators {}", p.operators()->size());
    for (const auto* d : *p.delegates()) {
      line("delegate {} {} data {} {} {} specs {}", fields(*d), d->id()->str(),
           fields(*d->processed()), int(d->processed()->location()), d->processed()->index(),
           d->compile_specs()->size());
    }
    line("memories {}", list(p.non_const_buffer_sizes()));
  }

  void payload(std::span<const std::byte> bytes) {
    const auto at = number_at<uint32_t>(bytes, 10), size = number_at<uint32_t>(bytes, 14);
    line("payload {} {} flatbuffer at {}, constants {} behind it, size {}, {} after",
         std::string(reinterpret_cast<const char*>(bytes.data()) + 4, 4),
         number_at<uint16_t>(bytes, 8), at,
         number_at<uint32_t>(bytes, 18) == at + (size + 15) / 16 * 16 ? "right" : "elsewhere",
         number_at<uint64_t>(bytes, 22), bytes.size() - number_at<uint32_t>(bytes, 18));
    const auto flatbuffer = bytes.subspan(at, size);
    if (!verified<xnn::Graph>(flatbuffer, xnn::GraphIdentifier())) return;
    const xnn::Graph& g = *xnn::GetGraph(flatbuffer.data());
    line("graph {} version {} externs {} inputs {} outputs {}", fields(g), g.version()->str(),
         g.num_externs(), list(g.input_ids()), list(g.output_ids()));
    for (const auto* c : *g.constant_data()) {
      line("constant {} at {} size {} key {}", fields(*c), c->offset(), c->size(),
           key(c->named_key()));
    }
    for (const auto* v : *g.xvalues()) value(*v);
    for (const auto* n : *g.xnodes()) node(*n);
  }

  void value(const xnn::Value& v) {
    const auto* quantized = v.xvalue_union_as_QuantizedTensorValue();
    const auto& t =
        quantized != nullptr ? *quantized->tensor_value() : *v.xvalue_union_as_TensorValue();
    line("xvalue {} {} {} {} of {} constant {} external {} flags {} id {}", fields(v), fields(t),
         xnn::EnumNameDatatype(t.datatype()), list(t.dims()), t.num_dims(), t.constant_buffer_idx(),
         t.external_id(), t.flags(), t.id_out());
    if (quantized == nullptr) return;
    line("  {} {}", fields(*quantized), xnn::EnumNameQuantParams(quantized->quant_params_type()));
    if (const auto* q = quantized->quant_params_as_PerTensorQuant()) {
      line("  {}", fields(*q, {xnn::PerTensorQuant::VT_ZERO_POINT}));
    }
    if (const auto* q = quantized->quant_params_as_PerTokenDynamicQuant()) {
      line("  {} {}", fields(*q), q->num_nonbatch_dims());
    }
    if (const auto* q = quantized->quant_params_as_PerChannelQuant()) {
      line("  {} inline {} dim {} scales {} of {}", fields(*q), list(q->scale()), q->channel_dim(),
           q->scale_buffer_idx(), q->num_scales());
    }
    if (const auto* q = quantized->quant_params_as_PerChannelGroupQuant()) {
      line("  {} inline {} dim {} group {} scales {} of {}", fields(*q), list(q->scale()),
           q->channel_dim(), q->group_size(), q->scale_buffer_idx(), q->num_scales());
    }
  }

  void node(const xnn::Node& n) {
    line("xnode {} {} range {}", fields(n, {xnn::Node::VT_DEBUG_HANDLE}),
         xnn::EnumNameNodeUnion(n.xnode_union_type()), n.output_min_max() != nullptr);
    if (const auto* c = n.xnode_union_as_Convert()) {
      line("  {} {} {} {}", fields(*c), c->input_id(), c->output_id(), c->flags());
    }
    if (const auto* t = n.xnode_union_as_StaticTranspose()) {
      line("  {} {} {} {} {} {}", fields(*t), t->num_dims(), list(t->perm()), t->input_id(),
           t->output_id(), t->flags());
    }
    if (const auto* f = n.xnode_union_as_FullyConnected()) {
      line("  {} {} {} {} {} {}", fields(*f), f->input1_id(), f->filter_id(), f->bias_id(),
           f->output_id(), f->flags());
    }
    if (const auto* m = n.xnode_union_as_BatchMatrixMultiply()) {
      line("  {} {} {} {} {}", fields(*m), m->input1_id(), m->input2_id(), m->output_id(),
           m->flags());
    }
    const xnn::NodeConv* c = n.xnode_union_as_Conv2d();
    if (c == nullptr) c = n.xnode_union_as_DepthwiseConv2d();
    if (c != nullptr) {
      line("  {} pad {} {} {} {} kernel {} {} stride {} {} dilation {} {} groups {} of {} {}",
           fields(*c), c->padding_top(), c->padding_right(), c->padding_bottom(), c->padding_left(),
           c->kernel_height(), c->kernel_width(), c->subsampling_height(), c->subsampling_width(),
           c->dilation_height(), c->dilation_width(), c->groups(), c->group_input_channels(),
           c->group_output_channels());
      line("  {} {} {} {} {}", c->input1_id(), c->filter_id(), c->bias_id(), c->output_id(),
           c->flags());
    }
  }

  std::span<const std::byte> file_;
  size_t base_ = 0;
  std::string out_;
};

}  // namespace

std::string describe_program(std::span<const std::byte> file) { return Describer(file).run(); }

}  // namespace smelt
