#include <algorithm>

#include "program/operator.h"
#include "program_generated.h"

namespace smelt::program {
namespace {

constexpr std::span<const Operator> (*kFamilies[])() = {
    prim_operators,        unary_operators,       binary_operators,        creation_operators,
    copy_operators,        view_operators,        slice_operators,         rearrange_operators,
    index_operators,       reduction_operators,   scan_operators,          ordering_operators,
    fft_operators,         embedding_bag_operators, scatter_operators,
    special_operators,     resize_operators,      delta_rule_operators,    matmul_operators,
    convolution_operators, norm_operators,        pool_operators,          pad_operators,
    resample_operators,    distance_operators,    quantize_operators,      llm_operators,
};

}  // namespace

const Operator* find_operator(std::string_view name) {
  // Only while loading, and a program has few operators: a search through the tables needs no index
  // to keep.
  for (const auto family : kFamilies) {
    for (const Operator& op : family()) {
      if (op.name == name) return &op;
    }
  }
  return nullptr;
}

std::string full_name(const pte::Operator& op) {
  std::string name(op.name()->string_view());
  if (op.overload() != nullptr && op.overload()->size() != 0) {
    name += '.';
    name += op.overload()->string_view();
  }
  return name;
}

std::vector<const Operator*> find_operators(const pte::ExecutionPlan& plan) {
  std::vector<const Operator*> found;
  if (plan.operators() == nullptr) return found;
  for (const pte::Operator* op : *plan.operators()) found.push_back(find_operator(full_name(*op)));
  return found;
}

std::vector<const Operator*> all_operators() {
  std::vector<const Operator*> all;
  for (const auto family : kFamilies) {
    for (const Operator& op : family()) all.push_back(&op);
  }
  return all;
}

}  // namespace smelt::program
