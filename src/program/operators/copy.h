// What the operators that copy rearranged tensors share.
#pragma once

#include "program/operators/common.h"

namespace smelt::program {

/// Gives `out` the shape of `from` and its elements.
inline Status copy_all(const Call& call, Tensor& out, const Strided& from) {
  SMELT_TRY(out.resize(from.shape));
  if (std::vector<Copied>* copies = call.copies()) {
    copies->push_back({&out, from.data, from.shape, from.strides});
  } else if (out.data != from.data) {  // else out is a part of what is copied from
    copy(call, Strided(out), from);
  }
  return {};
}

/// A dimension that exists: what cuts or selects needs one.
inline Result<size_t> real_dim(int64_t dim, const Tensor& t) {
  if (t.rank() == 0) return invalid("dimension {} of a tensor of rank 0", dim);
  return normalize_dim(dim, t.rank());
}

}  // namespace smelt::program
