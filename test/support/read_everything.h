// Reads files of any content as far as they go, looking at every byte that a reader hands out. For
// fuzzers and mutation tests: what matters is that nothing crashes, and that the answer is an error
// or a usable file.
#pragma once

#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "format/pte/program_file.h"
#include "format/xnnpack/reader.h"

namespace smelt::testing {

inline void look_at(std::span<const std::byte> bytes) {
  volatile std::byte sink{};
  for (std::byte b : bytes) sink = b;
  static_cast<void>(sink);
}

inline void look_at(const DelegateGraph& d) {
  for (const GraphValue& v : d.graph.values) {
    look_at(v.constant);
    look_at(std::as_bytes(v.quant.channel_scale));
    look_at(std::as_bytes(v.quant.block_scale));
  }
  for (const Node& n : d.graph.nodes) {
    for (ValueId v : n.inputs) {
      if (v != kNoValue) static_cast<void>(d.graph.values.at(v).desc().bytes());
    }
    for (ValueId v : n.outputs) static_cast<void>(d.graph.values.at(v).desc().bytes());
  }
}

/// The first error, or nothing.
inline std::optional<Error> read_delegate(std::span<const std::byte> payload) {
  // Every name exists, and means a few floats.
  static constexpr float kNamed[64] = {1, 1, 1, 1};
  const auto d = read_xnnpack_graph(
      payload, [](std::string_view) { return std::optional(std::as_bytes(std::span(kNamed))); },
      "payload");
  if (!d) return d.error();
  look_at(*d);
  return std::nullopt;
}

/// The first error of the program or of its delegates, or nothing.
inline std::optional<Error> read_program(std::span<const std::byte> file) {
  const auto p = ProgramFile::parse(file, "file");
  if (!p) return p.error();
  std::optional<Error> first;
  for (const auto& entry : p->named_data().entries()) look_at(entry.bytes);
  for (size_t i = 0; i < p->plan_count(); ++i) {
    const pte::ExecutionPlan& plan = p->plan(i);
    if (const Status s = p->check_supported(plan); !s) {
      if (!first) first = s.error();
      continue;
    }
    for (const pte::EValue* value : *plan.values()) {
      if (const pte::Tensor* t = value->val_as_Tensor()) look_at(p->storage(*t).bytes);
    }
    if (plan.delegates() == nullptr) continue;
    for (const pte::BackendDelegate* delegate : *plan.delegates()) {
      const auto d = read_xnnpack_graph(
          p->delegate_payload(*delegate),
          [&](std::string_view key) { return p->named_data().find(key); }, "delegate");
      if (d) {
        look_at(*d);
      } else if (!first) {
        first = d.error();
      }
    }
  }
  return first;
}

}  // namespace smelt::testing
