// A program of one operator: built as a file, loaded, run.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "format/pte/scalar_type.h"
#include "program/method.h"
#include "support/elements.h"
#include "support/program_builder.h"

namespace smelt::testing {

/// Arguments are added in order. Tensors are inputs of the program, outputs grow as needed.
class OperatorProgram {
 public:
  using Order = std::vector<uint8_t>;

  explicit OperatorProgram(std::string_view name) : name_(name) {
    const size_t at = name.find("::"), dot = name.find('.', at);
    spec_.operators = {{std::string(name.substr(0, dot)),
                        dot == std::string_view::npos ? "" : std::string(name.substr(dot + 1))}};
  }

  /// With dimensions in this order in memory; empty: row-major.
  OperatorProgram& tensor(const Array& a, const Order& order = {}) {
    return push(add_tensor(a, order));
  }
  /// The output list gets it too: the operator updates it.
  OperatorProgram& updated(const Array& a) {
    const int32_t id = add_tensor(a, {});
    add_output(id);
    return push(id);
  }
  OperatorProgram& none() { return push(add(null())); }
  OperatorProgram& integer(int64_t v) { return push(add(testing::integer(v))); }
  OperatorProgram& real(double v) { return push(add(testing::real(v))); }
  OperatorProgram& boolean(bool v) { return push(add(testing::boolean(v))); }
  OperatorProgram& string(std::string_view v) { return push(add(text(std::string(v)))); }
  OperatorProgram& ints(const std::vector<int64_t>& v) {
    std::vector<int64_t> items;
    for (const int64_t i : v) items.push_back(add(testing::integer(i)));
    return push(add(int_list(items)));
  }
  OperatorProgram& reals(const std::vector<double>& v) { return push(add(real_list(v))); }
  OperatorProgram& bools(const std::vector<uint8_t>& v) { return push(add(bool_list(v))); }
  OperatorProgram& tensors(const std::vector<Array>& arrays) {
    std::vector<int32_t> items;
    for (const Array& a : arrays) items.push_back(add_tensor(a, {}));
    return push(add(tensor_list(items)));
  }
  /// Null: an absent item.
  OperatorProgram& optional_tensors(const std::vector<const Array*>& arrays) {
    std::vector<int32_t> items;
    for (const Array* a : arrays) items.push_back(a == nullptr ? -1 : add_tensor(*a, {}));
    return push(add(optional_tensor_list(items)));
  }
  OperatorProgram& out(DType type, const Order& order = {}) { return push(add_out(type, order)); }
  OperatorProgram& outs(DType type, size_t count) {
    std::vector<int32_t> items;
    for (size_t i = 0; i < count; ++i) items.push_back(add_out(type, {}));
    return push(add(tensor_list(items)));
  }
  /// A number that is written.
  OperatorProgram& number() {
    const int32_t id = add(testing::integer(0));
    add_output(id);
    return push(id);
  }

  /// Loads the program the first time; runs it.
  Status run() {
    if (method_ == nullptr) {
      spec_.instructions = {kernel_call(0, args_)};
      spec_.buffers = {0};
      file_ = spec_.build();
      auto parsed = ProgramFile::parse(file_, "operator.pte");
      if (!parsed) return tl::unexpected(parsed.error());
      auto source = std::make_shared<const program::ProgramSource>(
          program::ProgramSource{*std::move(parsed), {}});
      auto loaded = program::LoadedMethod::load(std::move(source), "forward", cpu(), 1);
      if (!loaded) return tl::unexpected(loaded.error());
      method_ = *std::move(loaded);
    }
    std::vector<Value> inputs;
    for (Input& i : inputs_) {
      TensorView view;
      view.data = i.bytes.data();
      view.bytes = i.bytes.size();
      view.dtype = i.type;
      view.shape = i.shape;
      view.dim_order = i.order;
      inputs.emplace_back(view);
    }
    std::vector<Value> outputs(spec_.outputs.size());
    auto ran = method_->run(inputs, outputs);
    if (!ran) return ran;
    results_.clear();
    for (const Value& v : outputs) results_.push_back(read(v));
    return {};
  }

  /// Runs, expects that to work, and returns the first output.
  const Array& operator()() {
    static const Array kNothing;
    const auto ran = run();
    if (!ran) {
      ADD_FAILURE() << name_ << ": " << ran.error().message;
      results_.assign(std::max<size_t>(spec_.outputs.size(), 1), kNothing);
    }
    return results_[0];
  }
  /// What the method says of its only step, after a run.
  StepInfo explain() const { return method_->explain().at(0); }
  /// An output of the last run. A number is an array of rank 0.
  const Array& result(size_t i = 0) const { return results_[i]; }

 private:
  struct Input {
    DType type;
    Shape shape, order;
    std::vector<std::byte> bytes;
  };

  int32_t add(TableMaker v) {
    spec_.values.push_back(std::move(v));
    return int32_t(spec_.values.size() - 1);
  }
  OperatorProgram& push(int32_t id) {
    args_.push_back(id);
    return *this;
  }
  void add_output(int32_t id) { spec_.outputs.push_back(id); }

  /// This machine: its vector kernels are part of the operators.
  static const Cpu& cpu() {
    static const Cpu kCpu = *Cpu::detect();
    return kCpu;
  }
  static Order identity(size_t rank) {
    Order o;
    for (size_t d = 0; d < rank; ++d) o.push_back(uint8_t(d));
    return o;
  }
  int32_t add_tensor(const Array& a, const Order& order) {
    TensorSpec spec{.type = *to_scalar_type(a.type)};
    spec.sizes.emplace();
    for (const int64_t d : a.shape) spec.sizes->push_back(int32_t(d));
    spec.dim_order = order.empty() ? identity(a.shape.rank()) : order;
    const int32_t id = add(testing::tensor(spec));
    spec_.inputs.push_back(id);
    Input input{a.type, a.shape, {}, encode(a.type, in_memory(a, spec.dim_order))};
    for (const uint8_t d : order) input.order.push_back(d);
    if (input.bytes.empty()) input.bytes.resize(16);
    inputs_.push_back(std::move(input));
    return id;
  }
  int32_t add_out(DType type, const Order& order) {
    TensorSpec spec{.type = *to_scalar_type(type)};
    const size_t rank = order.empty() ? 1 : order.size();
    spec.sizes = std::vector<int32_t>(rank, 0);
    spec.dim_order = order.empty() ? identity(rank) : order;
    spec.dynamism = pte::TensorShapeDynamism::DynamicUnbound;
    const int32_t id = add(testing::tensor(spec));
    add_output(id);
    return id;
  }

  /// Where element `index` of a tensor lies whose dimensions are in this order.
  static size_t place(const std::vector<int64_t>& index, const Shape& shape, const Order& order) {
    size_t at = 0;
    for (const uint8_t d : order) at = at * size_t(shape[d]) + size_t(index[d]);
    return at;
  }
  static Values in_memory(const Array& a, const Order& order) {
    if (complex_type(a.type)) return a.v;  // tests of complex tensors are row-major
    Values v(a.v.size());
    for_each_index(a.shape, [&](const auto& index) { v[place(index, a.shape, order)] = a(index); });
    return v;
  }
  static Array read(const Value& v) {
    Array a;
    if (const TensorView* t = v.tensor()) {
      a.type = t->dtype;
      a.shape = t->shape;
      a.v = decode(t->dtype, t->data, t->shape.numel());
      if (t->dim_order.rank() != 0) {
        const Values memory = a.v;
        Order order;
        for (const int64_t d : t->dim_order) order.push_back(uint8_t(d));
        for_each_index(a.shape,
                       [&](const auto& index) { a(index) = memory[place(index, a.shape, order)]; });
      }
    } else {
      a.type = v.integer() ? DType::kS64 : v.boolean() ? DType::kBool : DType::kF64;
      a.v = {v.integer() ? double(*v.integer()) : v.boolean() ? double(*v.boolean()) : *v.real()};
    }
    return a;
  }

  std::string name_;
  ProgramSpec spec_;
  std::vector<int32_t> args_;
  std::vector<Input> inputs_;
  std::vector<std::byte> file_;
  std::unique_ptr<program::LoadedMethod> method_;
  std::vector<Array> results_;
};

}  // namespace smelt::testing
