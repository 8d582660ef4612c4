// A DelegateCall's other side: a compiled graph with a session, and the arguments that belong to
// its inputs and outputs.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/status.h"
#include "format/xnnpack/reader.h"
#include "graph/session.h"
#include "program/evalue.h"
#include "program/operator.h"
#include "smelt/smelt.hpp"

namespace smelt::program {

/// One delegate of one method.
class Delegate {
 public:
  /// The tensor that an argument is, as the program declares it; null if it is none.
  using DeclaredTensor = FunctionRef<const pte::Tensor*(uint32_t arg)>;

  /// Compiles the payload: packs weights, plans memory for the shapes that the program's tensors
  /// have at most. `payload` and the named data outlive the delegate. `where` names it in messages.
  static Result<std::unique_ptr<Delegate>> load(std::span<const std::byte> payload,
                                                NamedDataLookup named_data, std::string_view where,
                                                DeclaredTensor, const Cpu& cpu, ThreadPool& pool,
                                                WeightCache* weights);

  /// The arguments of a call, and which dimension of an argument each dimension of the graph's
  /// input or output is.
  struct Arguments {
    struct Order {
      DimOrder dims;
      bool identity;  ///< the usual case, and the quick one: shapes are taken as they are
    };
    std::vector<EValue*> values;
    std::vector<Order> in, out;
  };
  /// Checks that a call's arguments are tensors of the types that the graph has.
  Result<Arguments> bind(std::vector<EValue*> args) const;
  /// Which arguments a call reads and writes.
  std::span<const uint32_t> input_args() const { return input_args_; }
  std::span<const uint32_t> output_args() const { return output_args_; }

  /// Runs with the shapes that the input tensors have; gives the output tensors theirs. Allocates
  /// only for shapes not seen before.
  Status run(const Arguments&, Scratch&);

  const Session& session() const { return *session_; }
  /// See Session::set_profiler.
  void set_profiler(Profiler* profiler, uint32_t first_zone) {
    session_->set_profiler(profiler, first_zone);
  }

 private:
  std::unique_ptr<Session> session_;
  std::vector<uint32_t> input_args_, output_args_;
  std::vector<Shape> shapes_;  // of the inputs, as the graph sees them
  std::vector<const std::byte*> in_;
  std::vector<std::byte*> out_;
};

/// What a person may want to know about a delegate.
DelegateInfo describe(const Session&, std::string_view backend);

}  // namespace smelt::program
