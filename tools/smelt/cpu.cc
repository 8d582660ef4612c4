// smelt cpu: the machine at hand, or those that can be planned for.
#include "cpu.h"

#include <cstdlib>
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "base/status.h"
#include "json_file.h"
#include "platform/workers.h"
#include "options.h"
#include "output_files.h"
#include "verbs.h"

namespace smelt::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  bool list = false;
  std::string name;
  std::filesystem::path json;
};

std::string tiers(IsaSet set) {
  std::string text;
  for (size_t i = 0; i < kIsaCount; ++i)
    if (set.has(Isa(i))) text += fmt::format("{}{}", text.empty() ? "" : " ", name(Isa(i)));
  return text;
}

void print(const Cpu& cpu) {
  fmt::print("{}: {}\n", cpu.name, tiers(cpu.isa));
  fmt::print("    {} cores, L1 {} KiB, L2 {} KiB", cpu.cores, cpu.l1d_bytes / 1024,
             cpu.l2_bytes / 1024);
  if (cpu.sme_vl32 != 0)
    fmt::print(", {} matrix unit{}, streaming vectors of {} bits", cpu.sme_units,
               cpu.sme_units == 1 ? "" : "s", 32 * cpu.sme_vl32);
  fmt::print("\n");
  if (cpu.described) return;
  const Workers workers = default_workers();
  fmt::print("    {} thread{} by default: {}\n", workers.count(), workers.count() == 1 ? "" : "s",
             workers.why());
}

Json to_json(const Cpu& cpu) {
  Json j;
  j["name"] = cpu.name;
  j["isa"] = Json::array();
  for (size_t i = 0; i < kIsaCount; ++i)
    if (cpu.isa.has(Isa(i))) j["isa"].push_back(name(Isa(i)));
  j["cores"] = cpu.cores;
  j["l1d_bytes"] = cpu.l1d_bytes;
  j["l2_bytes"] = cpu.l2_bytes;
  j["matrix_units"] = cpu.sme_units;
  j["streaming_vector_bits"] = 32 * cpu.sme_vl32;
  if (!cpu.described) {
    const Workers workers = default_workers();
    j["default_threads"] = workers.count();
    j["default_threads_because"] = workers.why();
  }
  return j;
}

Result<Exit> run(const Options& o) {
  std::vector<Cpu> cpus;
  if (o.list) {
    for (const std::string_view described : Cpu::described_names()) {
      SMELT_ASSIGN(Cpu cpu, Cpu::describe(described));
      cpus.push_back(std::move(cpu));
    }
  } else {
    SMELT_ASSIGN(Cpu cpu, find_cpu(o.name));
    cpus.push_back(std::move(cpu));
  }
  Json j;
  j["cpus"] = Json::array();
  for (const Cpu& cpu : cpus) {
    print(cpu);
    j["cpus"].push_back(to_json(cpu));
  }
  if (!o.json.empty()) SMELT_TRY(write_json(o.json, j));
  return Exit::kOk;
}

}  // namespace

Result<Cpu> find_cpu(const std::string& described) {
  if (!described.empty()) return Cpu::describe(described);
  const char* mask = std::getenv("SMELT_ISA");
  auto cpu = Cpu::detect(mask == nullptr ? "" : mask);
  if (!cpu) return prefixed(std::move(cpu).error(), "SMELT_ISA");
  return cpu;
}

std::string cpu_tiers() {
  const auto cpu = find_cpu({});
  return cpu ? tiers(cpu->isa) : std::string();
}

Verb add_cpu(CLI::App& app) {
  auto* c = app.add_subcommand("cpu", "Show what Smelt knows of this machine, or of another");
  auto o = std::make_shared<Options>();
  c->add_option("NAME", o->name, "A described CPU; default: this machine")->check(not_empty);
  c->add_flag("--list", o->list, "All described CPUs");
  add_output_file(*c, "--json", o->json, "Write the same as JSON");
  c->footer(R"(
Tiers, and what they need beside the ones before:
  avx2        AVX2, FMA, F16C, BMI2          neon      Armv8.0 Advanced SIMD
  avx512      AVX-512 F, BW, DQ, VL          neonfhm   FMLAL: FEAT_FHM (asimdfhm), not FEAT_FP16 alone
  avx512vnni  AVX-512 VNNI                   neondot   SDOT: FEAT_DotProd (asimddp)
  avx512vbmi  AVX-512 VNNI and VBMI          neoni8mm  SMMLA: FEAT_I8MM
  avx512bf16  AVX-512 BF16                   neonbf16  BFMMLA: FEAT_BF16
                                             sme, sme2 the matrix unit
SMELT_ISA=avx2,avx512 leaves only those.)");
  return {c, [o] { return run(*o); }, {&o->json}};
}

}  // namespace smelt::cli
