// Packed weights that several ops share.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "kernels/pack/pack.h"
#include "platform/memory.h"
#include "tensor/tensor.h"

namespace smelt {

/// Packed weights, and the row that stands for padding. Immutable, shared by an Op and its
/// BoundOps.
struct PackedWeights {
  AlignedBuffer bytes;  ///< one matrix after the other, `stride` bytes apart
  size_t stride = 0;
  AlignedBuffer zero_row;  ///< kc elements that mean 0; empty if nothing is padded
};

/// The packed weights of one program: delegates and methods that name the same constants find what
/// another has packed. Holds nothing alive itself. May be used by several threads.
class WeightCache {
 public:
  /// Everything that packed bytes depend on. Weights and biases are known by where they are: they
  /// are constants of the program. Scales are compared as such, because each graph has its own.
  struct Key {
    PackLayout layout;
    PackPanels* pack = nullptr;
    PackShape shape;
    size_t vl32 = 0, matrices = 1, source_step = 0;
    PackSource source;  ///< without taps and scales, which follow
    std::vector<size_t> taps;
    std::vector<float> scale;
    std::vector<BFloat16> block_scale;
    size_t zeros = 0;  ///< elements of the zero row, their type and value
    DType zero_type = DType::kF32;
    int32_t zero = 0;

    bool operator==(const Key&) const;
  };

  /// Null if nobody holds such weights.
  std::shared_ptr<const PackedWeights> find(const Key&);
  void add(Key, std::weak_ptr<const PackedWeights>);

 private:
  struct Entry {
    Key key;
    std::weak_ptr<const PackedWeights> weights;
  };
  std::mutex mutex_;
  std::unordered_multimap<const std::byte*, Entry> entries_;  // by the address of the weights
};

/// What a graph's ops pack into, while it is built.
struct Packing {
  WeightCache* cache = nullptr;
  size_t shared_bytes = 0;  ///< of weights that were there already
};

}  // namespace smelt
