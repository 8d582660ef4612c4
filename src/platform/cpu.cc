#include "platform/cpu.h"

#include <array>
#include <cstdio>
#include <thread>
#include <unistd.h>

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace smelt {

namespace {

constexpr std::array<std::string_view, kIsaCount> kIsaNames = {
    "scalar",   "avx2",    "avx512",   "avx512vnni", "avx512vbmi", "avx512bf16", "neon",
    "neonfhm", "neondot", "neoni8mm", "neonbf16",   "sme",        "sme2",
};

std::string isa_names(const auto& wanted) {
  std::string out;
  for (size_t i = 0; i < kIsaCount; ++i) {
    if (!wanted(Isa(i))) continue;
    if (!out.empty()) out += ", ";
    out += kIsaNames[i];
  }
  return out;
}

// A cache size from sysfs ("1024K"), or `otherwise`. Virtual machines and emulators may not have
// the file.
uint32_t cache_bytes(int level, std::string_view type, uint32_t otherwise) {
  for (int index = 0; index < 8; ++index) {
    const auto read = [&](const char* field, char* text, int size) {
      const std::string path =
          fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/{}", index, field);
      std::FILE* f = std::fopen(path.c_str(), "r");
      if (f == nullptr) return false;
      const bool ok = std::fgets(text, size, f) != nullptr;
      std::fclose(f);
      return ok;
    };
    char text[32];
    if (!read("level", text, sizeof text)) break;
    if (std::atoi(text) != level) continue;
    if (!read("type", text, sizeof text) || std::string_view(text).substr(0, type.size()) != type)
      continue;
    char unit = 0;
    unsigned amount = 0;
    if (!read("size", text, sizeof text) || std::sscanf(text, "%u%c", &amount, &unit) < 1) continue;
    const uint32_t bytes = amount << (unit == 'K' ? 10 : unit == 'M' ? 20 : 0);
    if (bytes != 0) return bytes;
  }
  return otherwise;
}

#if defined(__x86_64__)

IsaSet detect_isa(Cpu&) {
  // The compiler's run-time asks CPUID and XGETBV: a tier counts only if the system saves its
  // registers.
  __builtin_cpu_init();
  IsaSet isa;
  // Highway's AVX2 uses BMI as well; every CPU with AVX2 and FMA has it, but a hypervisor may hide
  // it.
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("f16c") && __builtin_cpu_supports("bmi") &&
      __builtin_cpu_supports("bmi2"))
    isa = isa.with(Isa::kAvx2);
  if (isa.has(Isa::kAvx2) && __builtin_cpu_supports("avx512f") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    isa = isa.with(Isa::kAvx512);
    if (__builtin_cpu_supports("avx512vnni")) isa = isa.with(Isa::kAvx512Vnni);
    if (isa.has(Isa::kAvx512Vnni) && __builtin_cpu_supports("avx512vbmi"))
      isa = isa.with(Isa::kAvx512Vbmi);
    if (__builtin_cpu_supports("avx512bf16")) isa = isa.with(Isa::kAvx512Bf16);
  }
  return isa;
}

#elif defined(__aarch64__)

// Bits of AT_HWCAP and AT_HWCAP2 in the Linux ABI (arch/arm64 uapi hwcap.h). Named here because the
// C library's headers on Debian 12 are older than SME2.
constexpr unsigned long kHwcapAsimdHp = 1ul << 10;
constexpr unsigned long kHwcapAsimdDp = 1ul << 20;
constexpr unsigned long kHwcapAsimdFhm = 1ul << 23;
constexpr unsigned long kHwcap2I8mm = 1ul << 13;
constexpr unsigned long kHwcap2Bf16 = 1ul << 14;
constexpr unsigned long kHwcap2Sme = 1ul << 23;
constexpr unsigned long kHwcap2Sme2 = 1ul << 37;

IsaSet detect_isa(Cpu& cpu) {
  const unsigned long hwcap = getauxval(AT_HWCAP), hwcap2 = getauxval(AT_HWCAP2);
  IsaSet isa = IsaSet().with(Isa::kNeon);
  if ((hwcap & kHwcapAsimdHp) && (hwcap & kHwcapAsimdFhm)) isa = isa.with(Isa::kNeonFp16);
  if (hwcap & kHwcapAsimdDp) isa = isa.with(Isa::kNeonDot);
  if (isa.has(Isa::kNeonDot) && (hwcap2 & kHwcap2I8mm)) isa = isa.with(Isa::kNeonI8mm);
  if (hwcap2 & kHwcap2Bf16) isa = isa.with(Isa::kNeonBf16);
  if (hwcap2 & kHwcap2Sme) {
    isa = isa.with(Isa::kSme);
    if (hwcap2 & kHwcap2Sme2) isa = isa.with(Isa::kSme2);
    uint64_t streaming_bytes;
    // rdsvl x0, #1: written as an opcode because this file is compiled for plain Armv8.0.
    asm(".inst 0x04bf5820\n mov %0, x0" : "=r"(streaming_bytes)::"x0");
    cpu.sme_vl32 = uint32_t(streaming_bytes / 4);
    cpu.sme_units = 1;  // one per cluster on the parts known so far; no interface says how many
  }
  return isa;
}

#else

IsaSet detect_isa(Cpu&) { return {}; }

#endif

}  // namespace

std::string_view name(Isa isa) noexcept { return kIsaNames[size_t(isa)]; }

Result<IsaSet> parse_isa_list(std::string_view list) {
  IsaSet set;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view item = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (item.empty()) {
      return fail(ErrorCode::kInvalidArgument, "an empty name in a list of ISA tiers; known: {}",
                  isa_names([](Isa) { return true; }));
    }
    size_t i = 0;
    while (i < kIsaCount && kIsaNames[i] != item) ++i;
    if (i == kIsaCount)
      return fail(ErrorCode::kInvalidArgument, "unknown ISA tier \"{}\"; known: {}", item,
                  isa_names([](Isa) { return true; }));
    set = set.with(Isa(i));
  }
  return set;
}

Result<Cpu> Cpu::detect(std::string_view mask) {
  Cpu cpu;
  cpu.isa = detect_isa(cpu);
  if (!mask.empty()) {
    SMELT_ASSIGN(const IsaSet keep, parse_isa_list(mask));
    const IsaSet here = cpu.isa;
    cpu.isa = here & keep;
    // Portable code for want of what was asked for would be a slow surprise, and no test of it.
    if (cpu.isa == IsaSet() && !(keep == IsaSet())) {
      return fail(ErrorCode::kInvalidArgument, "this machine has no {}; it has {}",
                  isa_names([&](Isa i) { return i != Isa::kScalar && keep.has(i); }),
                  isa_names([&](Isa i) { return here.has(i); }));
    }
  }
  if (!cpu.isa.has(Isa::kSme) && !cpu.isa.has(Isa::kSme2)) cpu.sme_vl32 = cpu.sme_units = 0;
  cpu.cores = std::max(1u, std::thread::hardware_concurrency());
  cpu.l1d_bytes = cache_bytes(1, "Data", cpu.l1d_bytes);
  cpu.l2_bytes = cache_bytes(2, "Unified", cpu.l2_bytes);
  return cpu;
}

}  // namespace smelt
