#include "author/pte_writer.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include <gtest/gtest.h>

#include "author/graph_builder.h"
#include "author/named_data.h"
#include "describe.h"
#include "learning_path.h"
#include "platform/memory.h"
#include "support/shared_folder.h"

namespace smelt {
namespace {

namespace fs = std::filesystem;

std::vector<std::byte> written(const Graph& graph, const PteOptions& options = {}) {
  auto file = write_pte(graph, options);
  EXPECT_TRUE(file) << file.error().message;
  return file ? *file : std::vector<std::byte>();
}

// What the exporter made of the same modules: the same tables, fields, types, ids and attributes.
TEST(PteWriter, AgreesWithTheExporter) {
  const fs::path corpus = corpus_folder();
  if (!fs::exists(corpus)) GTEST_SKIP() << "no programs to compare with in " << corpus;
  size_t compared = 0;
  for (const LearningPathProgram& program : learning_path()) {
    SCOPED_TRACE(program.name);
    auto graph = program.make();
    ASSERT_TRUE(graph) << graph.error().message;
    auto real = MappedFile::open(corpus / "learning_path" / (program.name + ".pte"));
    ASSERT_TRUE(real) << real.error().message;
    EXPECT_EQ(describe_program(written(*graph)), describe_program(real->bytes()));
    ++compared;
  }
  EXPECT_EQ(compared, 25u);
}

TEST(PteWriter, SameGraphSameBytes) {
  for (const LearningPathProgram& program : learning_path()) {
    auto one = program.make(), two = program.make();
    ASSERT_TRUE(one && two);
    EXPECT_EQ(written(*one), written(*two)) << program.name;
  }
}

TEST(PteWriter, SegmentAlignment) {
  const auto graph = make_linear({.variant = RecipeVariant::kPqs8Qc8w});
  ASSERT_TRUE(graph);
  for (const size_t alignment : {size_t(16), size_t(128), size_t(4096)}) {
    const auto file = written(*graph, {.segment_alignment = alignment});
    uint64_t base = 0, bytes = 0;
    std::memcpy(&base, file.data() + 24, sizeof base);
    std::memcpy(&bytes, file.data() + 32, sizeof bytes);
    EXPECT_EQ(base % alignment, 0u);
    EXPECT_EQ(base + bytes, file.size());
  }
  for (const size_t alignment : {0, 8, 24, 100}) {
    const auto refused = write_pte(*graph, {.segment_alignment = alignment});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find(std::to_string(alignment)), std::string::npos);
  }
}

TEST(NamedData, EqualBytesAreStoredOnce) {
  const std::vector<std::byte> a(8, std::byte(1)), same = a, other(8, std::byte(2));
  NamedData data;
  const std::string key = data.add(a);
  EXPECT_EQ(data.add(same), key);
  EXPECT_EQ(data.add(same, "scale_"), "scale_" + key);
  EXPECT_NE(data.add(other), key);
  ASSERT_EQ(data.entries().size(), 3u);
  ASSERT_EQ(data.buffers().size(), 2u);
  EXPECT_EQ(data.entries()[1].buffer, 0u);
  EXPECT_EQ(data.entries()[2].buffer, 1u);
}

// Graphs that the format cannot express are refused by name, never written.
TEST(PteWriter, RefusesWhatTheFormatCannotSay) {
  const auto message = [](GraphBuilder&& b) {
    const auto file = write_pte(std::move(b).finish());
    return file ? std::string() : file.error().message;
  };
  {
    GraphBuilder b;
    b.output(b.input(DType::kF32, {2}));
    EXPECT_NE(message(std::move(b)).find("value 0 is both an input and an output"),
              std::string::npos);
  }
  {
    GraphBuilder b;
    const ValueId x = b.input(DType::kF64, {2}), y = b.value(DType::kF64, {2});
    b.node(OpKind::kAbs, {x}, {y});
    b.output(y);
    EXPECT_NE(message(std::move(b)).find("float64"), std::string::npos);
  }
  {
    GraphBuilder b;
    const ValueId x = b.input(DType::kF32, {2}), y = b.value(DType::kF32, {2});
    b.node(OpKind::kAdd, {x}, {y});
    b.output(y);
    EXPECT_NE(message(std::move(b)).find("node 0 (Add)"), std::string::npos);
  }
  {
    GraphBuilder b;
    const ValueId x = b.input(DType::kF32, {2}), y = b.value(DType::kF32, {2});
    b.node(OpKind::kAbs, {17}, {y});
    b.output(x);
    EXPECT_FALSE(message(std::move(b)).empty());
  }
  {
    GraphBuilder b;
    const ValueId x = b.input(DType::kF32, {2}), y = b.value(DType::kF32, {2});
    b.node(OpKind::kTranspose, {x}, {y}, SliceAttrs{});
    b.output(y);
    EXPECT_NE(message(std::move(b)).find("attributes"), std::string::npos);
  }
  {
    GraphBuilder b;
    const ValueId x = b.input(DType::kF32, {1, 4, 4, 1}), y = b.value(DType::kF32, {1, 4, 2, 1});
    PoolAttrs pool;
    pool.pool_w = 2, pool.dilation_w = 2;
    b.node(OpKind::kAvgPool2d, {x}, {y}, pool);
    b.output(y);
    EXPECT_NE(message(std::move(b)).find("dilation is 1, 2"), std::string::npos);
  }
  {
    GraphBuilder b;
    b.input(DType::kF32, {2});
    b.constant(DType::kF32, {3}, std::vector<float>{1, 2});
    EXPECT_NE(message(std::move(b)).find("8 bytes"), std::string::npos);
  }
  {
    GraphBuilder b;
    const std::vector<float> scales = {1, 2};
    b.constant(DType::kS8, {3, 1}, std::vector<int8_t>{1, 2, 3}, b.per_channel(scales));
    EXPECT_NE(message(std::move(b)).find("2 channel scales"), std::string::npos);
  }
}

}  // namespace
}  // namespace smelt
