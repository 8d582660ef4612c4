#include <algorithm>

#include "program/operator.h"

namespace smelt::program {
namespace {

constexpr std::span<const Operator> (*kFamilies[])() = {
    prim_operators,     unary_operators,     binary_operators,      creation_operators,
    copy_operators,     view_operators,      slice_operators,       rearrange_operators,
    index_operators,    reduction_operators, scan_operators,        ordering_operators,
    fft_operators,      matmul_operators,    convolution_operators, norm_operators,
    pool_operators,     pad_operators,       resample_operators,    distance_operators,
    quantize_operators, llm_operators,
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

std::vector<const Operator*> all_operators() {
  std::vector<const Operator*> all;
  for (const auto family : kFamilies) {
    for (const Operator& op : family()) all.push_back(&op);
  }
  return all;
}

}  // namespace smelt::program
