// Every program of the corpus opens, its delegates read, and their nodes are those that the corpus'
// own index lists.
#include <filesystem>
#include <fstream>
#include <map>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "format/ptd/external_data.h"
#include "format/pte/program_file.h"
#include "format/xnnpack/reader.h"
#include "support/shared_folder.h"

namespace smelt {
namespace {

/// The corpus' notation: "qcint8/PC*" is a constant with a scale for each channel.
std::string notation(const GraphValue& v) {
  std::string s;
  switch (v.quant.granularity) {
    case QuantGranularity::kNone:
      s = v.dtype == DType::kF32    ? "fp32"
          : v.dtype == DType::kF16  ? "fp16"
          : v.dtype == DType::kBF16 ? "bf16"
                                    : "int32";
      break;
    case QuantGranularity::kPerTensor:
      s = v.dtype == DType::kS8 ? "qint8/PT" : v.dtype == DType::kU8 ? "quint8/PT" : "qint32/PT";
      break;
    case QuantGranularity::kPerChannel:
      s = v.dtype == DType::kS8 ? "qcint8/PC" : v.dtype == DType::kU4 ? "qcint4/PC" : "qcint32/PC";
      break;
    case QuantGranularity::kPerBlock:
      s = fmt::format("qbint4/PCG{}", v.quant.block);
      break;
    case QuantGranularity::kPerToken:
      s = "qdint8/TokenDyn";
      break;
  }
  return v.is_constant() ? s + "*" : s;
}

std::string signature(const Graph& g, const Node& n) {
  std::string s = "XNN" + std::string(name(n.kind));
  if (n.kind == OpKind::kConcatenate) s += std::to_string(n.inputs.size());
  const auto list = [&](const std::vector<ValueId>& ids) {
    std::string text;
    for (ValueId id : ids) {
      if (id != kNoValue) text += (text.empty() ? "" : ",") + notation(g.values[id]);
    }
    return text;
  };
  return s + "(" + list(n.inputs) + "->" + list(n.outputs) + ")";
}

/// Looks at every byte, for the sanitizers.
unsigned touch(std::span<const std::byte> bytes) {
  unsigned sum = 0;
  for (std::byte b : bytes) sum += unsigned(b);
  return sum;
}

TEST(Corpus, ProgramsReadAndHaveTheNodesOfTheManifest) {
  const std::filesystem::path folder = corpus_folder();
  std::ifstream manifest(folder / "manifest.json");
  if (!manifest)
    GTEST_SKIP() << "no corpus at " << folder << " (SMELT_CORPUS names another folder)";
  size_t programs = 0, delegates = 0;
  const nlohmann::json index = nlohmann::json::parse(manifest);
  for (const auto& entry : index.at("entries")) {
    SCOPED_TRACE(entry.at("name").get<std::string>());
    const auto program = ProgramFile::open(folder / entry.at("program").get<std::string>());
    ASSERT_TRUE(program) << program.error().message;
    std::vector<ExternalData> external;
    for (const auto& file : entry.value("external_data", std::vector<std::string>())) {
      auto data = ExternalData::open(folder / file);
      ASSERT_TRUE(data) << data.error().message;
      external.push_back(*std::move(data));
    }
    std::map<std::string, int> nodes;
    for (size_t i = 0; i < program->plan_count(); ++i) {
      const pte::ExecutionPlan& plan = program->plan(i);
      const Status supported = program->check_supported(plan);
      EXPECT_TRUE(supported) << supported.error().message;
      for (const pte::EValue* value : *plan.values()) {
        const pte::Tensor* t = value->val_as_Tensor();
        if (t == nullptr) continue;
        const TensorStorage storage = program->storage(*t);
        touch(storage.bytes);
        if (storage.external_name.empty()) continue;
        const ExternalTensor* found = nullptr;
        for (const ExternalData& e : external)
          found = found != nullptr ? found : e.find_tensor(storage.external_name);
        ASSERT_NE(found, nullptr) << storage.external_name;
        EXPECT_EQ(found->shape, shape(*t));
        EXPECT_EQ(found->dtype, to_dtype(t->scalar_type()));
      }
      if (plan.delegates() == nullptr) continue;
      for (const pte::BackendDelegate* d : *plan.delegates()) {
        const auto lookup = [&](std::string_view key) {
          auto bytes = program->named_data().find(key);
          for (const ExternalData& e : external) bytes = bytes ? bytes : e.named_data().find(key);
          return bytes;
        };
        const auto delegate =
            read_xnnpack_graph(program->delegate_payload(*d), lookup, program->name());
        ASSERT_TRUE(delegate) << delegate.error().message;
        for (const GraphValue& v : delegate->graph.values) touch(v.constant);
        for (const Node& n : delegate->graph.nodes) ++nodes[signature(delegate->graph, n)];
        ++delegates;
      }
    }
    EXPECT_EQ(nodes, (entry.at("nodes").get<std::map<std::string, int>>()));
    ++programs;
  }
  std::printf("corpus: %zu programs, %zu delegates\n", programs, delegates);
  EXPECT_GT(programs, 0u);
}

}  // namespace
}  // namespace smelt
