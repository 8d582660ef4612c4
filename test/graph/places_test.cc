// Where values live: nothing is moved that need not be, and nobody writes over what is still read.
#include <gtest/gtest.h>

#include "author/graph_builder.h"
#include "graph/session.h"
#include "support/random.h"

namespace smelt {
namespace {

using Kind = Plan::Place::Kind;

constexpr size_t kElements = 24;

struct Compiled {
  std::unique_ptr<ThreadPool> pool = ThreadPool::create(1);
  std::shared_ptr<const CompiledGraph> graph;
  std::unique_ptr<Session> session;

  explicit Compiled(Graph g, bool passes = true) {
    PlanOptions options;
    options.passes = passes;
    auto compiled = CompiledGraph::build(std::move(g), *Cpu::detect(), options);
    EXPECT_TRUE(compiled) << compiled.error().message;
    graph = *compiled;
    auto made = Session::create(graph, *pool);
    EXPECT_TRUE(made) << made.error().message;
    session = *std::move(made);
  }
  Kind kind(ValueId id) const { return session->plan().places[id].kind; }
};

/// A graph of values of kElements floats under several shapes.
struct Builder : GraphBuilder {
  ValueId then(OpKind kind, std::vector<ValueId> in, const Shape& shape, Attrs attrs = {}) {
    const ValueId out = value(DType::kF32, shape);
    node(kind, std::move(in), {out}, attrs);
    return out;
  }
  ValueId reshape(ValueId in, const Shape& shape) {
    return then(OpKind::kReshape, {in}, shape, ReshapeAttrs{shape});
  }
};

TEST(Places, ReshapesOfInputsAndToOutputsMoveNothing) {
  Builder b;
  const ValueId x = b.input(DType::kF32, {4, 6}), flat = b.reshape(x, {24}),
                negative = b.then(OpKind::kNegate, {flat}, {24}),
                out = b.reshape(negative, {2, 12});
  b.output(out);
  const Compiled c(std::move(b).finish());
  EXPECT_EQ(c.kind(flat), Kind::kInput);
  EXPECT_EQ(c.kind(negative), Kind::kOutput);
  const Plan& plan = c.session->plan();
  for (size_t n : {0, 2}) EXPECT_TRUE(plan.stays(c.graph->graph().nodes[n], n)) << n;
  EXPECT_FALSE(plan.stays(c.graph->graph().nodes[1], 1));
  EXPECT_EQ(plan.arena_bytes, 0u);
}

TEST(Places, FromInputToOutputThereIsACopy) {
  Builder b;
  const ValueId x = b.input(DType::kF32, {4, 6}), out = b.reshape(x, {24});
  b.output(out);
  const Compiled c(std::move(b).finish());
  EXPECT_EQ(c.kind(out), Kind::kOutput);
  EXPECT_FALSE(c.session->plan().stays(c.graph->graph().nodes[0], 0));
}

TEST(Places, TransposesOfDimensionsOfOneElementMoveNothing) {
  for (const Shape& shape : {Shape{1, 4, 6}, Shape{2, 4, 3}}) {
    Builder b;
    const ValueId x = b.input(DType::kF32, shape);
    const ValueId turned =
        b.then(OpKind::kTranspose, {x}, {shape[1], shape[0], shape[2]}, TransposeAttrs{{1, 0, 2}});
    b.output(b.then(OpKind::kNegate, {turned}, {shape[1], shape[0], shape[2]}));
    const Compiled c(std::move(b).finish());
    EXPECT_EQ(c.session->plan().stays(c.graph->graph().nodes[0], 0), shape[0] == 1);
  }
}

// Random graphs of steps that could share memory, against the same steps on vectors of their own.
TEST(Places, NobodyWritesOverWhatIsStillRead) {
  const Shape shapes[] = {{24}, {4, 6}, {1, 24}, {2, 1, 12}, {1, 4, 6}};
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    const auto pick = [&](size_t n) { return size_t(random.integer(0, int32_t(n) - 1)); };
    Builder b;
    struct Known {
      ValueId id;
      Shape shape;
      std::vector<float> values;
    };
    std::vector<Known> known;
    std::vector<std::vector<float>> inputs(1 + pick(2));
    for (auto& values : inputs) {
      for (size_t i = 0; i < kElements; ++i) values.push_back(float(random.integer(-9, 9)));
      const Shape& shape = shapes[pick(std::size(shapes))];
      known.push_back({b.input(DType::kF32, shape), shape, values});
    }
    const size_t steps = 3 + pick(12);
    for (size_t s = 0; s < steps; ++s) {
      const Known a = known[pick(known.size())];
      Known next = a;
      switch (pick(5)) {
        case 0:
          next.id = b.then(OpKind::kNegate, {a.id}, a.shape);
          for (float& v : next.values) v = -v;
          break;
        case 1: {
          // Only values of the same shape can be added.
          const Known& other = known[pick(known.size())];
          if (!(other.shape == a.shape)) continue;
          next.id = b.then(OpKind::kSubtract, {a.id, other.id}, a.shape);
          for (size_t i = 0; i < kElements; ++i) next.values[i] -= other.values[i];
          break;
        }
        case 2:
          next.id = b.then(OpKind::kCopy, {a.id}, a.shape);
          break;
        default:
          next.shape = shapes[pick(std::size(shapes))];
          next.id = b.reshape(a.id, next.shape);
      }
      known.push_back(std::move(next));
    }
    std::vector<std::vector<float>> expected;
    for (size_t i = inputs.size(); i < known.size(); ++i) {
      if (i + 1 != known.size() && pick(4) != 0) continue;
      b.output(known[i].id);
      expected.push_back(known[i].values);
    }
    if (expected.empty()) continue;
    const Graph graph = std::move(b).finish();
    for (bool passes : {false, true}) {
      const Compiled c(graph, passes);
      std::vector<std::vector<float>> outputs(expected.size(), std::vector<float>(kElements));
      for (int run = 0; run < 2; ++run) {
        std::vector<std::vector<float>> given = inputs;
        std::vector<const std::byte*> in;
        std::vector<std::byte*> out;
        for (auto& values : given) in.push_back(reinterpret_cast<std::byte*>(values.data()));
        for (auto& values : outputs) out.push_back(reinterpret_cast<std::byte*>(values.data()));
        c.session->run(in, out);
        EXPECT_EQ(outputs, expected) << "seed " << seed;
        EXPECT_EQ(given, inputs) << "seed " << seed << ": the caller's input was written";
      }
    }
  }
}

}  // namespace
}  // namespace smelt
