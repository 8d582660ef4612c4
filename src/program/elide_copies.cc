#include "program/elide_copies.h"

#include <algorithm>

namespace smelt::program {
namespace {

/// Whether elements lie one after the other, in the order of their indices.
bool dense(const Copied& c) {
  int64_t stride = 1;
  for (size_t d = c.shape.rank(); d-- > 0;) {
    if (c.shape[d] != 1 && c.strides[d] != stride) return false;
    stride *= c.shape[d];
  }
  return true;
}

}  // namespace

CopyElision::CopyElision(ValueTable& table, const DataFlow& flow, const std::vector<Uses>& uses,
                         std::vector<Place> places)
    : table_(table), flow_(flow), uses_(uses), places_(std::move(places)) {
  for (uint32_t v = 0; v < uses.size(); ++v) {
    parts_.push_back({v});
    if (table.values[v].kind != Kind::kTensor) continue;
    values_.emplace(table.values[v].tensor, v);
    // Only what is computed anew in each run, once and before it is read, can move.
    const bool computed = uses[v].writes.size() == 1 && !uses[v].aliased && !table.constant[v] &&
                          (uses[v].reads.empty() || uses[v].reads.front() > uses[v].writes[0]);
    if (!computed && places_[v] == Place::kFree) places_[v] = Place::kFixed;
    for (const size_t at : uses[v].writes) {
      if (at >= written_by_.size()) written_by_.resize(at + 1);
      written_by_[at].push_back(v);
    }
  }
}

// Dimensions and positions are numbers of the file, not computed ones.
bool CopyElision::fixed_arguments(const KernelCall& call) const {
  const auto fixed = [&](const EValue* v) { return uses_[index(v)].writes.empty(); };
  for (const EValue* arg : call.args().subspan(1)) {
    if (arg->is_scalar() && !fixed(arg)) return false;
    if (arg->kind == Kind::kIntList && !std::ranges::all_of(arg->list->items, fixed)) return false;
  }
  return true;
}

// By instructions [first, last], but for copies that will not be made.
bool CopyElision::written_between(size_t first, size_t last, const std::byte* data,
                                  size_t bytes) const {
  for (size_t at = first; at <= last && at < written_by_.size(); ++at) {
    for (const uint32_t v : written_by_[at]) {
      if (parts_[v].whole != v) continue;
      const Tensor& t = tensor(v);
      if (flow_.view[v] || overlap(t.data, t.capacity, data, bytes)) return true;
    }
  }
  return false;
}

bool CopyElision::can_share(const Copied& c, const Tensor& self, const Part& part,
                            size_t at) const {
  const Tensor& out = *c.out;
  const uint32_t value = values_.at(c.out);
  const Uses& uses = uses_[value];
  if (out.dtype != self.dtype || out.dynamism != Dynamism::kStatic || !out.row_major ||
      out.bytes() == 0 || !dense(c))
    return false;
  if (places_[value] != Place::kFree || uses.reads.empty()) return false;
  // The last reader may write to what it believes to be free by then.
  return places_[part.whole] == Place::kFree ||
         !written_between(at + 1, uses.reads.back(), tensor(part.whole).data + part.offset,
                          out.bytes());
}

void CopyElision::visit(KernelCall& call, size_t at, std::span<const Copied> copies) {
  const Part& source = parts_[index(call.args()[0])];
  const Tensor& self = *call.args()[0]->tensor;
  if (places_[source.whole] == Place::kMoving || self.dynamism != Dynamism::kStatic ||
      !fixed_arguments(call))
    return;
  bool all = true;
  for (const Copied& c : copies) {
    const Part part = {source.whole, source.offset + size_t(c.data - self.data)};
    if (can_share(c, self, part, at)) {
      parts_[values_.at(c.out)] = part;
    } else {
      all = false;
    }
  }
  if (all) call.elide();
}

Result<AlignedBuffer> CopyElision::finish() {
  // How long each value is read, by its own readers or those of its parts.
  std::vector<size_t> last(parts_.size());
  std::vector<bool> shared(parts_.size());
  for (uint32_t v = 0; v < parts_.size(); ++v) {
    const uint32_t whole = parts_[v].whole;
    if (!uses_[v].reads.empty()) last[whole] = std::max(last[whole], uses_[v].reads.back());
    shared[whole] = shared[whole] || whole != v;
  }
  std::vector<uint32_t> moved;
  std::vector<Lifetime> lifetimes;
  for (uint32_t v = 0; v < parts_.size(); ++v) {
    if (!shared[v] || places_[v] != Place::kFree) continue;
    const size_t first = uses_[v].writes[0];
    if (!written_between(first + 1, last[v], tensor(v).data, tensor(v).bytes())) continue;
    moved.push_back(v);
    lifetimes.push_back({tensor(v).bytes(), uint32_t(first), uint32_t(last[v])});
  }
  const ArenaPlan arena = plan_arena(lifetimes);
  SMELT_ASSIGN(AlignedBuffer memory, AlignedBuffer::allocate(arena.bytes));
  for (size_t i = 0; i < moved.size(); ++i)
    table_.values[moved[i]].tensor->data = memory.data() + arena.offset[i];
  for (uint32_t v = 0; v < parts_.size(); ++v) {
    if (parts_[v].whole == v) continue;
    Tensor& t = *table_.values[v].tensor;
    t.data = tensor(parts_[v].whole).data + parts_[v].offset;
    t.capacity = t.bytes();
  }
  return memory;
}

}  // namespace smelt::program
