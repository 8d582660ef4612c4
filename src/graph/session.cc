#include "graph/session.h"

#include <algorithm>
#include <cstring>

#include "platform/denormals.h"

namespace smelt {

namespace {
// Plans kept per session. A decoder that sees a new length at every step would otherwise grow
// without end.
constexpr size_t kMemoSize = 64;
}  // namespace

Result<std::unique_ptr<Session>> Session::create(std::shared_ptr<const CompiledGraph> compiled,
                                                 ThreadPool& pool) {
  std::vector<Shape> shapes;
  for (ValueId id : compiled->graph().inputs) shapes.push_back(compiled->graph().values[id].shape);
  std::unique_ptr<Session> session(new Session(std::move(compiled), pool));
  SMELT_TRY(session->reshape(shapes));
  return session;
}

Status Session::reshape(std::span<const Shape> inputs) {
  const auto fits = [&](const std::shared_ptr<const Plan>& plan) {
    return std::equal(inputs.begin(), inputs.end(), plan->input_shapes.begin(),
                      plan->input_shapes.end());
  };
  if (plan_ && fits(plan_)) return {};
  auto found = std::find_if(memo_.begin(), memo_.end(), fits);
  if (found == memo_.end()) {
    SMELT_ASSIGN(auto plan, Plan::build(*compiled_, inputs));
    if (plan->arena_bytes > arena_.size()) {
      SMELT_ASSIGN(arena_, AlignedBuffer::allocate(plan->arena_bytes));
    }
    if (memo_.size() == kMemoSize) memo_.pop_back();
    memo_.push_back(std::move(plan));
    found = memo_.end() - 1;
  }
  std::rotate(memo_.begin(), found, found + 1);
  plan_ = memo_.front();
  resolve();
  return {};
}

// Turns places into pointers. The number of operands does not depend on shapes, so only the first
// call allocates.
void Session::resolve() {
  using Kind = Plan::Place::Kind;
  const Graph& graph = compiled_->graph();
  steps_.clear();
  in_.clear();
  out_.clear();
  in_from_input_.clear();
  in_from_output_.clear();
  out_to_output_.clear();
  const auto pointer = [&](ValueId id) -> const std::byte* {
    if (id == kNoValue) return nullptr;
    const Plan::Place& place = plan_->places[id];
    if (place.kind == Kind::kConstant) return graph.values[id].constant.data();
    if (place.kind == Kind::kArena) return arena_.data() + place.at;
    return nullptr;  // patched before each run
  };
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    Step step{plan_->stays(node, n) ? nullptr : plan_->ops[n].get(), uint32_t(in_.size()),
              uint32_t(node.inputs.size()), uint32_t(out_.size()), uint32_t(node.outputs.size())};
    for (ValueId id : node.inputs) {
      const uint32_t slot = uint32_t(in_.size());
      if (id != kNoValue) {
        const Plan::Place& place = plan_->places[id];
        if (place.kind == Kind::kInput) in_from_input_.push_back({slot, uint32_t(place.at)});
        if (place.kind == Kind::kOutput) in_from_output_.push_back({slot, uint32_t(place.at)});
      }
      in_.push_back(pointer(id));
    }
    for (ValueId id : node.outputs) {
      if (id != kNoValue && plan_->places[id].kind == Kind::kOutput)
        out_to_output_.push_back({uint32_t(out_.size()), uint32_t(plan_->places[id].at)});
      out_.push_back(const_cast<std::byte*>(pointer(id)));
    }
    steps_.push_back(step);
  }
}

void Session::run(std::span<const std::byte* const> in, std::span<std::byte* const> out) noexcept {
  const FlushDenormals flush;
  for (const Patch& p : in_from_input_) in_[p.slot] = in[p.external];
  for (const Patch& p : in_from_output_) in_[p.slot] = out[p.external];
  for (const Patch& p : out_to_output_) out_[p.slot] = out[p.external];
  RunContext context{pool_, {arena_.data() + plan_->scratch_offset, plan_->scratch_bytes}};
  const std::span<const std::byte* const> all_in(in_);
  const std::span<std::byte* const> all_out(out_);
  uint32_t zone = first_zone_;
  for (const Step& step : steps_) {
    const Profiler::Start begin = Profiler::start(profiler_);
    if (step.op != nullptr)
      step.op->run(all_in.subspan(step.in_begin, step.in_count),
                   all_out.subspan(step.out_begin, step.out_count), context);
    if (profiler_ != nullptr) profiler_->record(zone++, begin);
  }
  for (const Plan::PassThrough& p : plan_->pass_through) {
    const Plan::Place& place = plan_->places[p.value];
    const std::byte* source = place.kind == Plan::Place::Kind::kInput
                                  ? in[place.at]
                                  : compiled_->graph().values[p.value].constant.data();
    std::memcpy(out[p.output], source, p.bytes);
  }
}

}  // namespace smelt
