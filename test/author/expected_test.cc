// The definition that programs are compared with is itself compared with PyTorch, whose outputs
// lie beside the real programs.
#include "expected.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "format/npy/npy.h"
#include "format/pte/program_file.h"
#include "format/xnnpack/reader.h"
#include "learning_path.h"
#include "support/shared_folder.h"

namespace smelt {
namespace {

std::vector<double> doubles(const NpyArray& a) {
  std::vector<double> v(a.shape.numel());
  for (size_t i = 0; i < v.size(); ++i) {
    if (a.dtype == DType::kF16) {
      Half h;
      std::memcpy(&h, a.bytes().data() + i * sizeof h, sizeof h);
      v[i] = float(h);
    } else {
      float f;
      std::memcpy(&f, a.bytes().data() + i * sizeof f, sizeof f);
      v[i] = f;
    }
  }
  return v;
}

TEST(Expected, AgreesWithPyTorch) {
  const std::filesystem::path folder = corpus_folder() / "learning_path";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no programs in " << folder;
  size_t compared = 0;
  for (const LearningPathProgram& program : learning_path()) {
    SCOPED_TRACE(program.name);
    const auto file = ProgramFile::open(folder / (program.name + ".pte"));
    ASSERT_TRUE(file) << file.error().message;
    const auto find = [&](std::string_view key) { return file->named_data().find(key); };
    const auto read = read_xnnpack_graph(file->delegate_payload(*file->plan(0).delegates()->Get(0)),
                                         find, program.name);
    ASSERT_TRUE(read) << read.error().message;

    std::vector<std::vector<double>> inputs;
    for (size_t i = 0; i < read->graph.inputs.size(); ++i) {
      const auto array = read_npy(folder / fmt::format("{}.in{}.npy", program.name, i));
      ASSERT_TRUE(array) << array.error().message;
      inputs.push_back(doubles(*array));
    }
    const auto array = read_npy(folder / (program.name + ".out0.npy"));
    ASSERT_TRUE(array) << array.error().message;
    const std::vector<double> output = doubles(*array);
    const Expected expected = expected_outputs(read->graph, inputs)[0];
    ASSERT_EQ(output.size(), expected.value.size());
    for (size_t i = 0; i < output.size(); ++i) {
      ASSERT_LE(std::fabs(output[i] - expected.value[i]), expected.error[i])
          << "element " << i << ": " << output[i] << ", expected " << expected.value[i];
    }
    ++compared;
  }
  EXPECT_EQ(compared, 25u);
}

}  // namespace
}  // namespace smelt
