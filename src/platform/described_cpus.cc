// CPUs that are not here, to plan for: their tiers, and the caches of the big core, as far as they
// are public. Not checked on hardware; that snapdragon-x2 has SME without SME2 is an assumption.

#include "platform/cpu.h"

namespace smelt {

namespace {

constexpr IsaSet kNeon = IsaSet().with(Isa::kNeon);
constexpr IsaSet kNeonDot = kNeon.with(Isa::kNeonDot);
constexpr IsaSet kNeonDotFp16 = kNeonDot.with(Isa::kNeonFp16);
constexpr IsaSet kArmV9 = kNeonDotFp16.with(Isa::kNeonI8mm).with(Isa::kNeonBf16);
constexpr IsaSet kArmV9Sme = kArmV9.with(Isa::kSme);
constexpr IsaSet kArmV9Sme2 = kArmV9Sme.with(Isa::kSme2);
constexpr IsaSet kX86V3 = IsaSet().with(Isa::kAvx2);
constexpr IsaSet kX86V4 = kX86V3.with(Isa::kAvx512);
constexpr IsaSet kX86V4Vnni = kX86V4.with(Isa::kAvx512Vnni);

struct Described {
  const char* name;
  IsaSet isa;
  uint32_t sme_vl32, l1d_kib, l2_kib, cores, sme_units;
};

// Armv8.2 cores of Arm (Cortex-A55 to X1, Neoverse N1) have binary16 arithmetic but not FMLAL, which Armv8.4 made usual: no
// neonfhm. Apple's M1 has FMLAL, but neither I8MM nor BF16.
//
// SME parts so far have streaming vectors of 512 bits, and a unit for each cluster.
constexpr Described kCpus[] = {
    {"apple-a18", kArmV9Sme2, 16, 128, 16384, 6, 2},
    {"apple-m4", kArmV9Sme2, 16, 128, 16384, 10, 2},
    {"apple-m3", kArmV9, 0, 128, 16384, 8, 0},
    {"apple-m2", kArmV9, 0, 128, 16384, 8, 0},
    {"apple-m1", kNeonDotFp16, 0, 128, 12288, 8, 0},
    {"arm-c1", kArmV9Sme2, 16, 64, 2048, 8, 1},
    {"snapdragon-x2", kArmV9Sme, 16, 96, 16384, 18, 3},
    {"snapdragon-x", kArmV9, 0, 96, 12288, 12, 0},
    {"neoverse-v3", kArmV9, 0, 64, 2048, 64, 0},
    {"neoverse-v2", kArmV9, 0, 64, 2048, 72, 0},
    {"neoverse-v1", kArmV9, 0, 64, 1024, 64, 0},
    {"neoverse-n2", kArmV9, 0, 64, 1024, 64, 0},
    {"neoverse-n1", kNeonDot, 0, 64, 1024, 64, 0},
    {"cortex-x4", kArmV9, 0, 64, 2048, 8, 0},
    {"cortex-x3", kArmV9, 0, 64, 1024, 8, 0},
    {"cortex-x1", kNeonDot, 0, 64, 1024, 8, 0},
    {"cortex-a720", kArmV9, 0, 64, 512, 8, 0},
    {"cortex-a520", kArmV9, 0, 32, 256, 4, 0},
    {"cortex-a510", kArmV9, 0, 32, 256, 4, 0},
    {"cortex-a78", kNeonDot, 0, 64, 512, 8, 0},
    {"cortex-a76", kNeonDot, 0, 64, 512, 4, 0},
    {"cortex-a55", kNeonDot, 0, 32, 128, 4, 0},
    {"cortex-a72", kNeon, 0, 32, 1024, 4, 0},
    {"cortex-a53", kNeon, 0, 32, 512, 4, 0},
    {"x86-64-v2", IsaSet(), 0, 32, 256, 4, 0},
    {"x86-64-v3", kX86V3, 0, 32, 512, 8, 0},
    {"x86-64-v4", kX86V4, 0, 32, 1024, 8, 0},
    {"x86-64-v4-vnni", kX86V4Vnni, 0, 32, 1024, 8, 0},
    {"x86-64-v4-bf16", kX86V4Vnni.with(Isa::kAvx512Vbmi).with(Isa::kAvx512Bf16), 0, 48, 2048, 16, 0},
};

}  // namespace

std::vector<std::string_view> Cpu::described_names() {
  std::vector<std::string_view> names;
  for (const Described& d : kCpus) names.emplace_back(d.name);
  return names;
}

Result<Cpu> Cpu::describe(std::string_view name) {
  std::string known;
  for (const Described& d : kCpus) {
    if (name != d.name) {
      known += fmt::format("{}{}", known.empty() ? "" : ", ", d.name);
      continue;
    }
    Cpu cpu;
    cpu.name = d.name;
    cpu.described = true;
    cpu.isa = d.isa;
    cpu.sme_vl32 = d.sme_vl32;
    cpu.l1d_bytes = d.l1d_kib << 10;
    cpu.l2_bytes = d.l2_kib << 10;
    cpu.cores = d.cores;
    cpu.sme_units = d.sme_units;
    return cpu;
  }
  return fail(ErrorCode::kInvalidArgument, "unknown CPU \"{}\"; known: {}", name, known);
}

}  // namespace smelt
