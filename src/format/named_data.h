// Data that several users find by name: weights that delegates share, external weights.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/function_ref.h"

namespace smelt {

/// Answers with the bytes of that name, or with nothing. The bytes live as long as the file they
/// are in.
using NamedDataLookup =
    FunctionRef<std::optional<std::span<const std::byte>>(std::string_view key)>;

/// Names and bytes of one file. Owns neither.
class NamedDataMap {
 public:
  struct Entry {
    std::string_view key;
    std::span<const std::byte> bytes;
  };

  NamedDataMap() = default;
  explicit NamedDataMap(std::vector<Entry> entries) : entries_(std::move(entries)) {
    std::ranges::sort(entries_, {}, &Entry::key);
  }

  /// Sorted by key.
  std::span<const Entry> entries() const { return entries_; }

  std::optional<std::span<const std::byte>> find(std::string_view key) const {
    const auto it = std::ranges::lower_bound(entries_, key, {}, &Entry::key);
    if (it == entries_.end() || it->key != key) return std::nullopt;
    return it->bytes;
  }

 private:
  std::vector<Entry> entries_;
};

}  // namespace smelt
