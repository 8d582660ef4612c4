#include "program/shared_state.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "format/xnnpack/reader.h"
#include "program/uses.h"
#include "program/value_table.h"

namespace smelt::program {
namespace {

/// A tensor in the buffer.
struct Placed {
  size_t offset, bytes;
  DType dtype;
  Shape shape;
  std::vector<uint8_t> order;
  std::string_view name;  ///< empty: the file does not say
  std::span<const std::byte> initial;
  size_t method;

  bool same_tensor(const Placed& o) const {
    const auto agree = [](const auto& a, const auto& b, auto equal) {
      return a.empty() || b.empty() || equal(a, b);
    };
    return offset == o.offset && bytes == o.bytes && dtype == o.dtype && shape == o.shape &&
           order == o.order && agree(name, o.name, std::equal_to<>()) &&
           agree(initial, o.initial,
                 [](auto a, auto b) { return a.data() == b.data() || std::ranges::equal(a, b); });
  }
};

bool in_buffer(const pte::EValue& v) {
  const pte::Tensor* t = v.val_as_Tensor();
  return t != nullptr && t->allocation_info() != nullptr &&
         t->allocation_info()->memory_id() == SharedState::kMemoryId;
}

/// Which arguments the delegates of a plan write. Nothing if one cannot be read: then the method
/// cannot be loaded.
std::optional<std::vector<std::vector<uint32_t>>> outputs_of_delegates(
    const ProgramSource& source, const pte::ExecutionPlan& plan) {
  std::vector<std::vector<uint32_t>> outputs;
  if (plan.delegates() == nullptr) return outputs;
  const auto find = [&](std::string_view key) { return source.find_data(key); };
  for (const pte::BackendDelegate* d : *plan.delegates()) {
    auto read = read_xnnpack_graph(source.file.delegate_payload(*d), find, source.file.name());
    if (!read) return std::nullopt;
    outputs.push_back(std::move(read->output_args));
  }
  return outputs;
}

/// Whether what a tensor holds when the method begins is what another run has left in it, as far as
/// one list of instructions can tell.
bool outlives_a_run(const Uses& uses) {
  return uses.writes.empty() || (!uses.reads.empty() && uses.reads.front() <= uses.writes.front());
}

/// Adds the tensors that a method has in the buffer. False if one of them is no state.
Result<bool> collect(const ProgramSource& source, size_t method, std::vector<Placed>& placed) {
  const pte::ExecutionPlan& plan = source.file.plan(method);
  const auto& values = *plan.values();
  if (std::ranges::none_of(values, [](const pte::EValue* v) { return in_buffer(*v); })) return true;
  // A method that cannot be loaded has no say.
  if (!source.file.check_supported(plan)) return true;
  const std::vector<const Operator*> operators = find_operators(plan);
  if (std::ranges::count(operators, nullptr) != 0) return true;
  const auto delegate_outputs = outputs_of_delegates(source, plan);
  if (!delegate_outputs) return true;

  std::vector<bool> state(values.size(), true);
  for (const pte::Chain* chain : *plan.chains()) {
    const std::vector<Uses> uses = uses_of(plan, *chain, operators, *delegate_outputs);
    for (size_t i = 0; i < uses.size(); ++i) state[i] = state[i] && outlives_a_run(uses[i]);
  }
  if (plan.inputs() != nullptr) {
    for (const int32_t input : *plan.inputs()) state[size_t(input)] = false;
  }
  for (uint32_t i = 0; i < values.size(); ++i) {
    if (!in_buffer(*values[i])) continue;
    const pte::Tensor& t = *values[i]->val_as_Tensor();
    if (!state[i] || t.shape_dynamism() != pte::TensorShapeDynamism::Static) return false;
    SMELT_ASSIGN(const TensorStorage storage, source.storage(t, i));
    const DType dtype = *to_dtype(t.scalar_type());
    const Shape extents = shape(t);
    const size_t bytes = extents.numel() * element_size(dtype);
    if (bytes == 0) continue;
    Placed p{storage.offset, bytes, dtype, extents, {}, {}, storage.bytes, method};
    if (t.dim_order() != nullptr) p.order.assign(t.dim_order()->begin(), t.dim_order()->end());
    const auto* extra = t.extra_tensor_info();
    if (extra != nullptr && extra->fully_qualified_name() != nullptr)
      p.name = extra->fully_qualified_name()->string_view();
    placed.push_back(std::move(p));
  }
  return true;
}

/// Whether methods have tensors in common, and nothing lies across anything else.
bool is_shared(const ProgramSource& source, std::span<const Placed> placed) {
  bool common = false;
  for (size_t i = 1; i < placed.size(); ++i) {
    const Placed &a = placed[i - 1], &b = placed[i];
    const auto size_of_buffer = [&](const Placed& p) {
      return source.file.plan(p.method).non_const_buffer_sizes()->Get(SharedState::kMemoryId);
    };
    if (size_of_buffer(a) != size_of_buffer(b)) return false;
    if (b.offset - a.offset >= a.bytes) continue;
    if (!a.same_tensor(b)) return false;
    common = common || a.method != b.method;
  }
  return common;
}

}  // namespace

void write(std::span<const InitialValue> values) {
  for (const InitialValue& v : values) std::memcpy(v.to, v.bytes.data(), v.bytes.size());
}

Status SharedState::build(const ProgramSource& source) {
  if (source.file.plan_count() < 2) return {};
  std::vector<Placed> placed;
  for (size_t method = 0; method < source.file.plan_count(); ++method) {
    SMELT_ASSIGN(const bool only_state, collect(source, method, placed));
    if (!only_state) return {};
  }
  std::ranges::sort(placed, {}, [](const Placed& p) { return std::pair(p.offset, p.bytes); });
  if (!is_shared(source, placed)) return {};
  SMELT_ASSIGN(memory_, AlignedBuffer::allocate(placed.back().offset + placed.back().bytes,
                                                /*zero=*/true));
  for (const Placed& p : placed) {
    if (!p.initial.empty()) initial_.push_back({memory_.data() + p.offset, p.initial});
  }
  write(initial_);
  return {};
}

Result<std::span<std::byte>> SharedState::memory(const ProgramSource& source) {
  const std::lock_guard lock(mutex_);
  if (!made_) SMELT_TRY(build(source));
  made_ = true;
  return memory_.bytes();
}

void SharedState::reset() {
  memory_.clear();
  write(initial_);
}

}  // namespace smelt::program
