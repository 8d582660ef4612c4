# The only place that knows -m flags.
#
# A source file says by the last word of its name which instructions it may hold:
# gemm_pf32_avx512.cc, elementwise_neon.cc, gemm_pf32_sme2.cc. A file without such a suffix is
# baseline code: x86-64 (SSE2) or Armv8.0.
#
# To add an ISA: one smelt_isa() line.

# Every ISA file:
# - no exceptions, no RTTI: kernels run inside streaming mode and between ZA states, where
#   unwinding is not possible, and neither may leave weak symbols (see tools/dev/check_objects);
# - -ffp-contract=off comes from the top level. clang would otherwise also contract _mm256_mul_ps +
#   _mm256_add_ps, and requantised integers would differ between tiers. Where FMA is wanted, the
#   intrinsic says so; a whole file can opt in with `#pragma clang fp contract(on)`.
set(SMELT_ISA_COMMON_OPTIONS -fno-exceptions -fno-rtti)

set(SMELT_ISA_SUFFIXES "")
function(smelt_isa suffix arch)
  set(SMELT_ISA_SUFFIXES "${SMELT_ISA_SUFFIXES};${suffix}" PARENT_SCOPE)
  set(SMELT_ISA_${suffix}_ARCH ${arch} PARENT_SCOPE)
  set(SMELT_ISA_${suffix}_OPTIONS ${ARGN} PARENT_SCOPE)
endfunction()

# A tier's flags name what Cpu::detect() has found before it reports the tier, and nothing more.
# BMI and BMI2 are there because Highway's functions for HWY_AVX2 and above carry them as target
# attributes; every processor with AVX2 and FMA has them.
set(avx2 -mavx2 -mfma -mf16c -mbmi -mbmi2)
set(avx512 ${avx2} -mavx512f -mavx512bw -mavx512dq -mavx512vl)
smelt_isa(sse2       x86_64)
smelt_isa(avx2       x86_64 ${avx2})
smelt_isa(avx512     x86_64 ${avx512})
smelt_isa(avx512vnni x86_64 ${avx512} -mavx512vnni)
smelt_isa(avx512vbmi x86_64 ${avx512} -mavx512vnni -mavx512vbmi)
smelt_isa(avx512bf16 x86_64 ${avx512} -mavx512bf16)

smelt_isa(neon       aarch64 -march=armv8-a)
smelt_isa(neonfhm   aarch64 -march=armv8.2-a+fp16+fp16fml)
smelt_isa(neondot    aarch64 -march=armv8.2-a+dotprod)
smelt_isa(neoni8mm   aarch64 -march=armv8.2-a+dotprod+i8mm)
smelt_isa(neonbf16   aarch64 -march=armv8.2-a+bf16)
# armv8.2-a, not armv9-a: v9 implies SVE, and the compiler then uses SVE in prologues outside
# streaming mode, which dies on processors that have SME without SVE (Apple M4).
# +sme brings bf16 and fp16 with it. No sme-f64f64, no sme-i16i64: both are optional in hardware.
#
# Frame pointers, in leaves too: a __arm_locally_streaming function calls __arm_get_current_vg in its
# prologue, and clang-19 forgets to save the link register around that call when the function is
# otherwise a leaf (it then returns into itself). A frame record saves it. check_objects looks.
set(sme_frame -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer)
smelt_isa(sme        aarch64 -march=armv8.2-a+sme ${sme_frame})
smelt_isa(sme2       aarch64 -march=armv8.2-a+sme2 ${sme_frame})

# smelt_isa_of(<file> <out>): the ISA suffix of a file name, or "" for baseline code.
function(smelt_isa_of file out)
  get_filename_component(stem "${file}" NAME_WE)
  set(${out} "" PARENT_SCOPE)
  if(stem MATCHES "_([a-z0-9]+)$" AND CMAKE_MATCH_1 IN_LIST SMELT_ISA_SUFFIXES)
    set(${out} ${CMAKE_MATCH_1} PARENT_SCOPE)
  endif()
endfunction()

# smelt_isa_sources(<out> <file>...): sets each file's options from its suffix and returns the files
# of this architecture. It runs before the target exists because a layer may be left without files.
function(smelt_isa_sources out)
  set(kept "")
  foreach(file IN LISTS ARGN)
    smelt_isa_of("${file}" isa)
    if(isa)
      if(NOT SMELT_ISA_${isa}_ARCH STREQUAL SMELT_ARCH)
        continue()
      endif()
      set_property(SOURCE "${file}" PROPERTY COMPILE_OPTIONS
                   ${SMELT_ISA_COMMON_OPTIONS} ${SMELT_ISA_${isa}_OPTIONS})
    endif()
    list(APPEND kept "${file}")
  endforeach()
  set(${out} "${kept}" PARENT_SCOPE)
endfunction()
