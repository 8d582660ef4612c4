#include "ops/weight_cache.h"

#include <algorithm>
#include <cstring>

namespace smelt {

bool WeightCache::Key::operator==(const Key& o) const {
  const PackSource &a = source, &b = o.source;
  return layout == o.layout && pack == o.pack && shape == o.shape && vl32 == o.vl32 &&
         matrices == o.matrices && source_step == o.source_step && a.data == b.data &&
         a.dtype == b.dtype && a.row_stride == b.row_stride && a.k_stride == b.k_stride &&
         a.bias == b.bias && a.bias_dtype == b.bias_dtype && a.lhs_zero == b.lhs_zero &&
         taps == o.taps && scale == o.scale && block_scale.size() == o.block_scale.size() &&
         (block_scale.empty() || std::memcmp(block_scale.data(), o.block_scale.data(),
                                             block_scale.size() * sizeof(BFloat16)) == 0) &&
         zeros == o.zeros && zero_type == o.zero_type && zero == o.zero;
}

std::shared_ptr<const PackedWeights> WeightCache::find(const Key& key) {
  const std::lock_guard lock(mutex_);
  const auto [begin, end] = entries_.equal_range(key.source.data);
  for (auto i = begin; i != end; ++i)
    if (i->second.key == key)
      if (auto weights = i->second.weights.lock()) return weights;
  return nullptr;
}

void WeightCache::add(Key key, std::weak_ptr<const PackedWeights> weights) {
  const std::lock_guard lock(mutex_);
  // What nobody holds any more may have been at an address that now holds something else.
  std::erase_if(entries_, [](const auto& e) { return e.second.weights.expired(); });
  const std::byte* data = key.source.data;
  entries_.emplace(data, Entry{std::move(key), std::move(weights)});
}

}  // namespace smelt
