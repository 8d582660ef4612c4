// Programs of a test, loaded, and tensors of three floats for them.
#pragma once

#include <gtest/gtest.h>

#include "program/method.h"
#include "support/program_builder.h"

namespace smelt::program {

using namespace smelt::testing;

/// A program in memory and its method.
struct Loaded {
  std::vector<std::byte> bytes;
  std::unique_ptr<LoadedMethod> method;
};

inline Result<Loaded> load(const ProgramSpec& spec, const Cpu& cpu = Cpu()) {
  Loaded l;
  l.bytes = spec.build();
  SMELT_ASSIGN(ProgramFile file, ProgramFile::parse(l.bytes, "test.pte"));
  auto source = std::make_shared<const ProgramSource>(ProgramSource{std::move(file), {}});
  SMELT_ASSIGN(l.method, LoadedMethod::load(std::move(source), "forward", cpu, 1));
  return l;
}

#define ASSERT_OK(expr)                                \
  do {                                                 \
    const auto& asserted = (expr);                     \
    ASSERT_TRUE(asserted) << asserted.error().message; \
  } while (false)

/// Three floats, planned at `offset` of buffer 1.
inline TensorSpec planned(uint64_t offset) {
  return {
      .sizes = std::vector<int32_t>{3}, .dim_order = {0}, .allocation = AllocationSpec{1, offset}};
}
inline TensorSpec unplanned() { return {.sizes = std::vector<int32_t>{3}, .dim_order = {0}}; }
inline TensorSpec typed(TensorSpec s, pte::ScalarType type) {
  s.type = type;
  return s;
}
inline TensorSpec dynamic(TensorSpec s, pte::TensorShapeDynamism dynamism) {
  s.dynamism = dynamism;
  return s;
}

using Floats = std::vector<float>;

inline Value view(Floats& v) { return TensorView::of(std::span<float>(v), {int64_t(v.size())}); }

inline Floats floats(const Value& v) {
  const TensorView* t = v.tensor();
  return t == nullptr ? Floats() : Floats(t->as<float>(), t->as<float>() + t->shape.numel());
}

}  // namespace smelt::program
