// Operators called by themselves, with elements written as doubles whatever their type.
#pragma once

#include <cmath>
#include <deque>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "program/block.h"
#include "program/kernel_call.h"
#include "program/operator.h"
#include "program/strided.h"
#include "support/elements.h"

namespace smelt::program::testing {

using Values = std::vector<double>;

/// Arguments are added in order; outputs grow as needed.
class OperatorCall {
 public:
  explicit OperatorCall(std::string_view name) : op_(find_operator(name)) {
    if (op_ == nullptr) ADD_FAILURE() << "no operator " << name;
  }

  OperatorCall& tensor(DType type, const Shape& shape, const Values& elements,
                       std::initializer_list<uint8_t> order = {}) {
    args_.push_back(&add(make(type, shape, elements, order)));
    return *this;
  }
  OperatorCall& f32(const Shape& shape, const Values& elements) {
    return tensor(DType::kF32, shape, elements);
  }
  OperatorCall& s64(const Shape& shape, const Values& elements) {
    return tensor(DType::kS64, shape, elements);
  }
  OperatorCall& flags(const Shape& shape, const Values& elements) {
    return tensor(DType::kBool, shape, elements);
  }
  /// The tensor added last never changes.
  OperatorCall& constant(bool yes = true) {
    args_.back()->tensor->constant = yes;
    return *this;
  }
  OperatorCall& none() { return push(EValue()); }
  OperatorCall& integer(int64_t v) { return push(scalar(v)); }
  OperatorCall& real(double v) { return push(scalar(v)); }
  OperatorCall& boolean(bool v) { return push(scalar(v)); }
  OperatorCall& ints(std::initializer_list<int64_t> values) {
    List& list = lists_.emplace_back();
    for (const int64_t v : values) list.items.push_back(&add(scalar(v)));
    list.ints.resize(list.items.size());
    return push_list(Kind::kIntList, list);
  }
  OperatorCall& reals(std::initializer_list<double> values) {
    List& list = lists_.emplace_back();
    list.doubles = values;
    return push_list(Kind::kDoubleList, list);
  }
  OperatorCall& bools(std::initializer_list<uint8_t> values) {
    List& list = lists_.emplace_back();
    list.bools = values;
    return push_list(Kind::kBoolList, list);
  }
  OperatorCall& string(std::string_view text) {
    EValue v;
    v.kind = Kind::kString;
    v.string = &strings_.emplace_back(text);
    return push(v);
  }
  struct Item {
    DType type;
    Shape shape;
    Values elements;
    bool present = true;
  };
  OperatorCall& tensors(std::initializer_list<Item> items) {
    List& list = lists_.emplace_back();
    for (const Item& i : items) {
      list.items.push_back(i.present ? &add(make(i.type, i.shape, i.elements, {})) : nullptr);
    }
    return push_list(Kind::kTensorList, list);
  }
  OperatorCall& out(DType type, std::initializer_list<uint8_t> order = {}) {
    Shape nothing{0};
    if (order.size() != 0) nothing.resize(order.size(), 0);
    EValue& v = add(make(type, nothing, {}, order));
    v.tensor->dynamism = Dynamism::kUnbounded;
    outs_.push_back(v.tensor);
    args_.push_back(&v);
    return *this;
  }
  OperatorCall& outs(DType type, size_t count) {
    List& list = lists_.emplace_back();
    for (size_t i = 0; i < count; ++i) {
      EValue& v = add(make(type, Shape{0}, {}, {}));
      v.tensor->dynamism = Dynamism::kUnbounded;
      outs_.push_back(v.tensor);
      list.items.push_back(&v);
    }
    return push_list(Kind::kTensorList, list);
  }

  Status run() {
    if (op_ == nullptr) return {};
    auto checked = check_signature(*op_, args_);
    if (!checked) return checked;
    if (call_ == nullptr) call_ = std::make_unique<KernelCall>(*op_, args_);
    auto ran = call_->run(*pool_, cpu_, scratch_);
    scratch_.clear();
    return ran;
  }
  /// Runs, expects that to work, and returns the elements of the first output.
  Values operator()() {
    const auto ran = run();
    if (!ran) {
      ADD_FAILURE() << op_->name << ": " << ran.error().message;
      return {};
    }
    return outs_.empty() ? Values() : elements(*outs_[0]);
  }

  /// Elements in the order of the shape, whatever their order in memory.
  static Values elements(const Tensor& t) {
    Values dense(t.numel());
    const Shape strides = row_major_strides(t.shape);
    copy_each(Strided(reinterpret_cast<std::byte*>(dense.data()), DType::kF64, t.shape, strides),
              Strided(t));
    return dense;
  }
  Values result(size_t i) const { return elements(*outs_[i]); }
  const Shape& shape(size_t i = 0) const { return outs_[i]->shape; }
  const EValue& argument(size_t i) const { return *args_[i]; }
  /// Of the last run; empty: portable code.
  std::string_view kernel() const {
    return call_ == nullptr ? std::string_view() : call_->kernel();
  }

 private:
  /// Element by element, through double: nothing that operators use.
  static void copy_each(const Strided& to, const Strided& from) {
    smelt::testing::for_each_index(to.shape, [&](const auto& index) {
      ptrdiff_t to_at = 0, from_at = 0;
      for (size_t d = 0; d < index.size(); ++d) {
        to_at += index[d] * to.strides[d];
        from_at += index[d] * from.strides[d];
      }
      store_element(to.dtype, to.data, to_at, load_element<double>(from.dtype, from.data, from_at));
    });
  }
  static EValue scalar(auto v) {
    EValue e;
    e.set(v);
    return e;
  }
  EValue& add(EValue v) { return values_.emplace_back(v); }
  OperatorCall& push(EValue v) {
    args_.push_back(&add(v));
    return *this;
  }
  OperatorCall& push_list(Kind kind, List& list) {
    EValue v;
    v.kind = kind;
    v.list = &list;
    return push(v);
  }
  EValue make(DType type, const Shape& shape, const Values& elements,
              std::initializer_list<uint8_t> order) {
    Tensor& t = tensors_.emplace_back();
    t.dtype = type;
    t.shape = shape;
    t.set_row_major();
    if (order.size() != 0) {
      size_t d = 0;
      for (const uint8_t o : order) {
        t.row_major = t.row_major && o == d;
        t.dim_order[d++] = o;
      }
      t.set_strides();
    }
    t.owned = *AlignedBuffer::allocate(t.bytes() + 1, true);
    t.data = t.owned.data();
    t.capacity = t.bytes();
    EXPECT_EQ(elements.size(), t.numel());
    Values copy_of = elements;
    if (elements.size() == t.numel()) {
      copy_each(Strided(t), Strided(reinterpret_cast<std::byte*>(copy_of.data()), DType::kF64,
                                    shape, row_major_strides(shape)));
    }
    EValue v;
    v.kind = Kind::kTensor;
    v.tensor = &t;
    return v;
  }

  const Operator* op_;
  std::deque<Tensor> tensors_;
  std::deque<List> lists_;
  std::deque<EValue> values_;
  std::deque<std::string_view> strings_;
  std::vector<EValue*> args_;
  std::vector<Tensor*> outs_;
  std::unique_ptr<KernelCall> call_;
  std::unique_ptr<ThreadPool> pool_ = ThreadPool::create(2);
  Cpu cpu_;
  Scratch scratch_;
};

inline void expect_near(const Values& got, const Values& expected, double tolerance = 1e-5) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(got[i])) << "at " << i << ": " << got[i];
    } else if (std::isinf(expected[i])) {
      EXPECT_EQ(got[i], expected[i]) << "at " << i;
    } else {
      EXPECT_NEAR(got[i], expected[i], tolerance * (1 + std::abs(expected[i]))) << "at " << i;
    }
  }
}

}  // namespace smelt::program::testing
