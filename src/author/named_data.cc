#include "author/named_data.h"

#include <algorithm>

#include "author/sha256.h"

namespace smelt {

std::string NamedData::add(std::span<const std::byte> bytes, std::string_view prefix) {
  const std::string hash = sha256_hex(bytes);
  const auto [where, is_new] = buffer_of_hash_.try_emplace(hash, buffers_.size());
  if (is_new) buffers_.push_back(bytes);
  std::string key = std::string(prefix) + hash;
  if (is_new || std::ranges::find(entries_, key, &Entry::key) == entries_.end()) {
    entries_.push_back({key, where->second});
  }
  return key;
}

}  // namespace smelt
