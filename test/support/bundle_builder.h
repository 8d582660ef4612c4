// Bundled programs made field by field, right or wrong, independently of the code that reads them.
#pragma once

#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "bundled_generated.h"

namespace smelt::testing {

struct BundledTensorSpec {
  pte::ScalarType type = pte::ScalarType::Float;
  std::vector<int32_t> sizes;
  std::vector<uint8_t> data;
  std::vector<uint8_t> dim_order;
};
/// Nothing: a value without a union member.
using BundledValueSpec = std::variant<std::monostate, BundledTensorSpec, int64_t, double, bool>;

struct BundledCaseSpec {
  std::vector<BundledValueSpec> inputs, outputs;
};

struct BundleSpec {
  /// Methods and their cases; a method may have no name.
  std::vector<std::pair<std::optional<std::string>, std::vector<BundledCaseSpec>>> suites;
  std::vector<std::byte> program;
  size_t program_alignment = 32;

  std::vector<std::byte> build() const;
};

template <class T>
BundledTensorSpec bundled_tensor(pte::ScalarType type, std::vector<int32_t> sizes,
                                 const std::vector<T>& elements,
                                 std::vector<uint8_t> dim_order = {}) {
  BundledTensorSpec t{type, std::move(sizes), {}, std::move(dim_order)};
  if (t.dim_order.empty())
    for (size_t d = 0; d < t.sizes.size(); ++d) t.dim_order.push_back(uint8_t(d));
  t.data.resize(elements.size() * sizeof(T));
  if (!elements.empty()) std::memcpy(t.data.data(), elements.data(), t.data.size());
  return t;
}

inline std::vector<std::byte> BundleSpec::build() const {
  flatbuffers::FlatBufferBuilder b;
  const auto bytes = [&](const void* data, size_t size, size_t alignment) {
    b.ForceVectorAlignment(size, 1, alignment);
    return b.CreateVector(static_cast<const uint8_t*>(data), size);
  };
  const auto value = [&](const BundledValueSpec& v) {
    bundled::Any type = bundled::Any::NONE;
    flatbuffers::Offset<void> member;
    if (const auto* t = std::get_if<BundledTensorSpec>(&v)) {
      const auto data = bytes(t->data.data(), t->data.size(), 16);
      const auto sizes = b.CreateVector(t->sizes);
      const auto order = b.CreateVector(t->dim_order);
      type = bundled::Any::Tensor;
      member = bundled::CreateTensor(b, t->type, sizes, data, order).Union();
    } else if (const auto* i = std::get_if<int64_t>(&v)) {
      type = bundled::Any::Int;
      member = bundled::CreateInt(b, *i).Union();
    } else if (const auto* d = std::get_if<double>(&v)) {
      type = bundled::Any::Double;
      member = bundled::CreateDouble(b, *d).Union();
    } else if (const auto* f = std::get_if<bool>(&v)) {
      type = bundled::Any::Bool;
      member = bundled::CreateBool(b, *f).Union();
    }
    return bundled::CreateValue(b, type, member);
  };
  const auto values = [&](const std::vector<BundledValueSpec>& list) {
    std::vector<flatbuffers::Offset<bundled::Value>> refs;
    for (const BundledValueSpec& v : list) refs.push_back(value(v));
    return b.CreateVector(refs);
  };
  std::vector<flatbuffers::Offset<bundled::TestSuite>> suite_refs;
  for (const auto& [method, cases] : suites) {
    std::vector<flatbuffers::Offset<bundled::TestCase>> case_refs;
    for (const BundledCaseSpec& c : cases) {
      const auto inputs = values(c.inputs);
      const auto outputs = values(c.outputs);
      case_refs.push_back(bundled::CreateTestCase(b, inputs, outputs));
    }
    const auto name = method ? b.CreateString(*method) : 0;
    suite_refs.push_back(bundled::CreateTestSuite(b, name, b.CreateVector(case_refs)));
  }
  const auto suites_ref = b.CreateVector(suite_refs);
  const auto program_ref = bytes(program.data(), program.size(), program_alignment);
  bundled::FinishBundledProgramBuffer(b,
                                      bundled::CreateBundledProgram(b, 0, suites_ref, program_ref));
  const auto* data = reinterpret_cast<const std::byte*>(b.GetBufferPointer());
  return {data, data + b.GetSize()};
}

}  // namespace smelt::testing
