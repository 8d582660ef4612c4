#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

#include "kernel_log.h"
#include "kernels/dwconv/kernels.h"
#include "kernels/gemm/kernels.h"
#include "kernels/vector/tables.h"

namespace smelt {

namespace {

struct Log {
  std::mutex mutex;
  std::map<std::string, Isa, std::less<>> ran;
};

Log& kernel_log() {
  static Log log;
  return log;
}

void list_kernels() {
  for (const DwconvKernel* kernel : dwconv_kernels()) std::printf("KERNEL %s\n", kernel->name);
  for (const GemmKernel* kernel : gemm_kernels()) std::printf("KERNEL %s\n", kernel->name);
  for (const VectorTable& table : vector_tables()) std::printf("KERNEL %s\n", table.kernels->name);
}

// $SMELT_REQUIRE: tiers of which at least one kernel must have run.
bool required_ran() {
  const char* list = std::getenv("SMELT_REQUIRE");
  bool ok = true;
  for (std::string_view rest = list == nullptr ? "" : list; !rest.empty();) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view tier = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    bool found = tier.empty();
    for (const auto& [kernel, isa] : kernel_log().ran) found |= name(isa) == tier;
    if (!found)
      std::printf("SMELT_REQUIRE: no kernel of %.*s has run\n", int(tier.size()), tier.data());
    ok &= found;
  }
  return ok;
}

}  // namespace

void log_kernel_run(std::string_view name, Isa isa) {
  const std::lock_guard lock(kernel_log().mutex);
  kernel_log().ran.emplace(name, isa);
}

const Cpu& test_cpu() {
  static const Cpu cpu = [] {
    const char* mask = std::getenv("SMELT_ISA");
    auto detected = Cpu::detect(mask == nullptr ? "" : mask);
    if (!detected) {
      std::fprintf(stderr, "%s\n", detected.error().message.c_str());
      std::exit(2);
    }
    return *detected;
  }();
  return cpu;
}

}  // namespace smelt

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--list-kernels") == 0) {
      smelt::list_kernels();
      return 0;
    }
  }
  testing::InitGoogleTest(&argc, argv);
  const int result = RUN_ALL_TESTS();
  for (const auto& [kernel, isa] : smelt::kernel_log().ran) std::printf("RAN %s\n", kernel.c_str());
  // A filter asks for a part on purpose; the requirement is about the tiers' own runs, which filter
  // by ISA.
  return smelt::required_ran() ? result : 1;
}
