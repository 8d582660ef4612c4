// Random programs full of copies that could be views, in memory planned as tightly as exporters
// plan it, against the same steps on vectors of their own.
#include <gtest/gtest.h>

#include "graph/arena.h"
#include "program/method.h"
#include "support/program_builder.h"
#include "support/random.h"

namespace smelt::program {
namespace {

using testing::kernel_call;
using testing::ProgramSpec;
using testing::TensorSpec;

struct Known {
  std::vector<int32_t> shape;
  std::vector<float> values;
  uint32_t first = 0, last = 0;  ///< instructions that write and read it
  bool planned = true, output = false;
};

size_t count(std::span<const int32_t> extents) {
  size_t n = 1;
  for (const int32_t e : extents) n *= size_t(e);
  return n;
}

/// Elements [at, at + length) of a dimension.
Known narrow(const Known& from, size_t dim, int32_t at, int32_t length) {
  Known to;
  to.shape = from.shape;
  to.shape[dim] = length;
  const size_t inner = count(std::span(from.shape).subspan(dim + 1)),
               outer = count(std::span(from.shape).first(dim));
  for (size_t o = 0; o < outer; ++o)
    for (size_t i = 0; i < size_t(length) * inner; ++i)
      to.values.push_back(from.values[(o * size_t(from.shape[dim]) + size_t(at)) * inner + i]);
  return to;
}

/// A random program, as a file and as what it should give.
class RandomProgram {
 public:
  explicit RandomProgram(uint64_t seed) : random_(seed) {
    spec_.operators = {{"aten::neg", "out"},
                       {"aten::add", "out"},
                       {"aten::unsqueeze_copy", "out"},
                       {"aten::squeeze_copy", "dim_out"},
                       {"aten::select_copy", "int_out"},
                       {"aten::slice_copy", "Tensor_out"},
                       {"aten::split_with_sizes_copy", "out"}};
    for (size_t i = 1 + pick(2); i-- > 0;) {
      Known x{.shape = {4, 1, 6}, .values = {}};
      for (size_t e = 0; e < 24; ++e) x.values.push_back(float(random_.integer(-9, 9)));
      x.planned = pick(2) == 0;
      inputs.push_back(x.values);
      spec_.inputs.push_back(add(std::move(x)));
    }
    for (size_t i = 4 + pick(14); i-- > 0;) step();
    for (size_t v = 0; v < known_.size(); ++v) {
      const auto id = int32_t(tensors_[v]);
      const bool input = std::ranges::find(spec_.inputs, id) != spec_.inputs.end();
      if (input || (v + 1 != known_.size() && pick(5) != 0)) continue;
      known_[v].output = true;
      known_[v].last = steps_;
      spec_.outputs.push_back(id);
      expected.push_back(known_[v].values);
    }
    place();
  }

  std::vector<std::byte> file() const { return spec_.build(); }
  std::vector<std::vector<float>> inputs, expected;

 private:
  size_t pick(size_t n) { return size_t(random_.integer(0, int32_t(n) - 1)); }
  int32_t number(int64_t v) { return value(testing::integer(v)); }
  int32_t value(testing::TableMaker v) {
    spec_.values.push_back(std::move(v));
    return int32_t(spec_.values.size() - 1);
  }
  int32_t add(Known k) {
    k.first = k.last = steps_;
    known_.push_back(std::move(k));
    tensors_.push_back(spec_.values.size());
    return value(testing::null());  // the tensor, once it has a place
  }
  int32_t use(size_t v) {
    known_[v].last = steps_;
    return int32_t(tensors_[v]);
  }
  void call(int32_t op, std::vector<int32_t> args) {
    spec_.instructions.push_back(kernel_call(op, std::move(args)));
    ++steps_;
  }

  void step() {
    const size_t v = pick(known_.size());
    const Known a = known_[v];
    const size_t dim = pick(a.shape.size());
    Known next = a;
    next.planned = true;
    switch (pick(7)) {
      case 0: {
        for (float& x : next.values) x = -x;
        const int32_t in = use(v);
        return call(0, {in, add(std::move(next))});
      }
      case 1: {
        const size_t w = pick(known_.size());
        if (known_[w].shape != a.shape) return;
        for (size_t i = 0; i < a.values.size(); ++i) next.values[i] += known_[w].values[i];
        const int32_t in = use(v), other = use(w), one = number(1);
        return call(1, {in, other, one, add(std::move(next))});
      }
      case 2: {
        if (a.shape.size() > 5) return;
        next.shape.insert(next.shape.begin() + ptrdiff_t(dim), 1);
        const int32_t in = use(v), at = number(int64_t(dim));
        return call(2, {in, at, add(std::move(next))});
      }
      case 3: {
        if (a.shape[dim] != 1 || a.shape.size() == 1) return;
        next.shape.erase(next.shape.begin() + ptrdiff_t(dim));
        const int32_t in = use(v), at = number(int64_t(dim));
        return call(3, {in, at, add(std::move(next))});
      }
      case 4: {
        if (a.shape.size() == 1) return;
        const auto index = int32_t(pick(size_t(a.shape[dim])));
        next = narrow(a, dim, index, 1);
        next.shape.erase(next.shape.begin() + ptrdiff_t(dim));
        const int32_t in = use(v), at = number(int64_t(dim)), which = number(index);
        return call(4, {in, at, which, add(std::move(next))});
      }
      case 5: {
        const auto start = int32_t(pick(size_t(a.shape[dim])));
        next = narrow(a, dim, start, a.shape[dim] - start);
        const int32_t in = use(v), at = number(int64_t(dim)), begin = number(start),
                      end = number(100), one = number(1);
        return call(5, {in, at, begin, end, one, add(std::move(next))});
      }
      default: {
        if (a.shape[dim] == 1) return;
        const int32_t size = 1 + int32_t(pick(size_t(a.shape[dim]) - 1));
        const int32_t in = use(v), at = number(int64_t(dim));
        const int32_t one = number(size), rest = number(a.shape[dim] - size);
        const int32_t first = add(narrow(a, dim, 0, size)),
                      second = add(narrow(a, dim, size, a.shape[dim] - size));
        const int32_t sizes = value(testing::int_list({one, rest})),
                      outs = value(testing::tensor_list({first, second}));
        return call(6, {in, sizes, at, outs});
      }
    }
  }

  void place() {
    std::vector<Lifetime> lifetimes;
    for (const Known& k : known_)
      lifetimes.push_back({k.planned ? k.values.size() * sizeof(float) : 0, k.first, k.last});
    const ArenaPlan arena = plan_arena(lifetimes);
    spec_.buffers = {0, int64_t(arena.bytes)};
    for (size_t v = 0; v < known_.size(); ++v) {
      TensorSpec tensor;
      tensor.sizes = known_[v].shape;
      tensor.dim_order.clear();
      for (size_t d = 0; d < known_[v].shape.size(); ++d) tensor.dim_order.push_back(uint8_t(d));
      if (known_[v].planned) tensor.allocation = {.memory_id = 1, .offset = arena.offset[v]};
      spec_.values[tensors_[v]] = testing::tensor(tensor);
    }
  }

  Random random_;
  ProgramSpec spec_;
  std::vector<Known> known_;
  std::vector<size_t> tensors_;  ///< values of the program, by number of what is known
  uint32_t steps_ = 0;
};

TEST(ElideCopies, RandomProgramsGiveWhatTheirStepsSay) {
  size_t elided = 0, copied = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    RandomProgram random(seed);
    const std::vector<std::byte> file = random.file();
    auto parsed = ProgramFile::parse(file, "random.pte");
    ASSERT_TRUE(parsed) << parsed.error().message;
    auto source = std::make_shared<const ProgramSource>(ProgramSource{*std::move(parsed), {}});
    auto method = LoadedMethod::load(std::move(source), "forward", *Cpu::detect(), 1);
    ASSERT_TRUE(method) << method.error().message;
    for (const StepInfo& step : (*method)->explain()) {
      if (step.type.find("copy") == std::string::npos) continue;
      ++(step.reason.starts_with("nothing moves") ? elided : copied);
    }
    for (int run = 0; run < 2; ++run) {
      std::vector<std::vector<float>> given = random.inputs;
      std::vector<Value> in, out(random.expected.size());
      for (auto& values : given) {
        TensorView view;
        view.data = values.data();
        view.bytes = values.size() * sizeof(float);
        view.shape = {4, 1, 6};
        in.emplace_back(view);
      }
      const auto ran = (*method)->run(in, out);
      ASSERT_TRUE(ran) << ran.error().message;
      for (size_t i = 0; i < out.size(); ++i) {
        const auto* values = static_cast<const float*>(out[i].tensor()->data);
        EXPECT_EQ(std::vector(values, values + random.expected[i].size()), random.expected[i])
            << "seed " << seed << ", output " << i;
      }
      EXPECT_EQ(given, random.inputs) << "seed " << seed << ": the caller's input was written";
    }
  }
  // Both ways were taken.
  EXPECT_GT(elided, 100u);
  EXPECT_GT(copied, 100u);
}

}  // namespace
}  // namespace smelt::program
