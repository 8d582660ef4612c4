// Operators outside delegates: time per element of the first operand, for each operator and type.
// A loop that has fallen back to one element at a time stands out.
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "program/block.h"
#include "program/kernel_call.h"
#include "program/operator.h"

namespace smelt::program {
namespace {

/// Too few for a second worker, and divisible by all lengths of rows below.
constexpr int64_t kElements = 7056;

/// Owns what an operator is called with. Tensors hold 0, 1/8 … 7/8, 0 … (integers: 0 … 7).
class Arguments {
 public:
  explicit Arguments(DType type) : type_(type) {}

  Arguments& tensor(const Shape& shape) { return tensor(shape, type_); }
  Arguments& tensor(const Shape& shape, DType type) {
    Tensor& t = add(type, shape);
    const bool real = compute_of(type) != Compute::kS64;
    for (size_t i = 0; i < t.numel(); ++i) {
      store_element(type, t.data, ptrdiff_t(i), real ? double(i % 8) / 8 : double(i % 8));
    }
    return *this;
  }
  Arguments& out(const Shape& shape) { return out(shape, type_); }
  Arguments& out(const Shape& shape, DType type) {
    add(type, shape);
    return *this;
  }
  Arguments& none() { return push(EValue()); }
  Arguments& number(auto v) {
    EValue e;
    e.set(v);
    return push(e);
  }
  Arguments& ints(std::initializer_list<int64_t> values) {
    List& list = lists_.emplace_back();
    for (const int64_t v : values) {
      values_.emplace_back().set(v);
      list.items.push_back(&values_.back());
    }
    list.ints.resize(list.items.size());
    EValue e;
    e.kind = Kind::kIntList;
    e.list = &list;
    return push(e);
  }
  const std::vector<EValue*>& get() const { return args_; }
  DType type() const { return type_; }

 private:
  Tensor& add(DType type, const Shape& shape) {
    Tensor& t = tensors_.emplace_back();
    t.dtype = type;
    t.shape = shape;
    t.set_row_major();
    t.owned = *AlignedBuffer::allocate(t.bytes() + 1, true);
    t.data = t.owned.data();
    t.capacity = t.bytes();
    EValue e;
    e.kind = Kind::kTensor;
    e.tensor = &t;
    push(e);
    return t;
  }
  Arguments& push(const EValue& e) {
    args_.push_back(&values_.emplace_back(e));
    return *this;
  }

  DType type_;
  std::deque<Tensor> tensors_;
  std::deque<List> lists_;
  std::deque<EValue> values_;
  std::vector<EValue*> args_;
};

void run(benchmark::State& state, const char* name, DType type,
         const std::function<void(Arguments&)>& fill) {
  const Operator* op = find_operator(name);
  if (op == nullptr) return state.SkipWithError("no such operator");
  Arguments args(type);
  fill(args);
  const Cpu cpu = *Cpu::detect();
  const auto pool = ThreadPool::create(1);
  Scratch scratch;
  KernelCall call(*op, args.get());
  for (auto _ : state) {
    if (const auto ran = call.run(*pool, cpu, scratch); !ran) {
      return state.SkipWithError(ran.error().message.c_str());
    }
    scratch.clear();
  }
  state.counters["per_element"] = benchmark::Counter(
      double(args.get()[0]->tensor->numel()),
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

struct Case {
  const char *op, *what;
  std::function<void(Arguments&)> fill;
  bool integers = false;  ///< takes them as well
};

const Shape kSquare{84, 84};

Case unary(const char* op) {
  return {op, "", [](Arguments& a) { a.tensor(kSquare).out(kSquare); }};
}
Case sum(const char* op, const char* what, Shape shape, int64_t dim, Shape out) {
  return {op, what,
          [=](Arguments& a) { a.tensor(shape).ints({dim}).number(false).none().out(out); }};
}
Case along(const char* op, const char* what, int64_t dim) {
  return {op, what, [=](Arguments& a) { a.tensor(kSquare).number(dim).none().out(kSquare); }, true};
}
Case argmax(const char* what, int64_t dim) {
  return {"aten::argmax.out", what,
          [=](Arguments& a) { a.tensor(kSquare).number(dim).number(false).out({84}, DType::kS64); },
          true};
}
Case layer_norm(const char* what, int64_t n) {
  return {"aten::native_layer_norm.out", what, [=](Arguments& a) {
            const Shape shape{kElements / n, n}, rows{kElements / n, 1};
            a.tensor(shape).ints({n}).tensor({n}).tensor({n}).number(1e-5);
            a.out(shape).out(rows).out(rows);
          }};
}

void add_all() {
  const Case cases[] = {
      unary("aten::log1p.out"),
      unary("aten::expm1.out"),
      unary("aten::sign.out"),
      sum("aten::sum.IntList_out", "rows_of_12", {588, 12}, 1, {588}),
      sum("aten::sum.IntList_out", "columns", kSquare, 0, {84}),
      sum("aten::mean.out", "planes_of_7x7", {144, 49}, 1, {144}),
      along("aten::cumsum.out", "rows", 1),
      along("aten::cumsum.out", "columns", 0),
      argmax("rows", 1),
      argmax("columns", 0),
      layer_norm("rows_of_24", 24),
      layer_norm("rows_of_588", 588),
      {"aten::clamp.out", "",
       [](Arguments& a) { a.tensor(kSquare).number(int64_t(0)).number(int64_t(1)).out(kSquare); },
       true},
      {"aten::repeat.out", "twice",
       [](Arguments& a) {
         a.tensor(kSquare).ints({2, 2}).out({168, 168});
       },
       true},
  };
  for (const Case& c : cases) {
    for (const DType t : {DType::kF32, DType::kF16, DType::kBF16, DType::kU8}) {
      if (t == DType::kU8 && !c.integers) continue;
      const std::string name = std::string(c.op) + "/" + c.what + "/" + std::string(smelt::name(t));
      benchmark::RegisterBenchmark(name.c_str(), [op = c.op, t, fill = c.fill](
                                                     benchmark::State& s) { run(s, op, t, fill); });
    }
  }
}

}  // namespace
}  // namespace smelt::program

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  smelt::program::add_all();
  benchmark::RunSpecifiedBenchmarks();
}
