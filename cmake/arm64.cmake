# Toolchain: aarch64 Linux from any other Linux, static executables, so that qemu-user needs
# nothing beside them. `tools/dev/setup all` provides what is used here.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER clang-19)
set(CMAKE_CXX_COMPILER clang++-19)
set(CMAKE_C_COMPILER_TARGET aarch64-linux-gnu)
set(CMAKE_CXX_COMPILER_TARGET aarch64-linux-gnu)
set(CMAKE_AR llvm-ar-19 CACHE FILEPATH "")
set(CMAKE_RANLIB llvm-ranlib-19 CACHE FILEPATH "")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static -fuse-ld=lld-19")

# The unpacked arm64 packages. Header-only packages need no copy: clang's cross search path ends
# in /usr/include, where the amd64 ones are, and their text is the same.
get_filename_component(sysroot "${CMAKE_CURRENT_LIST_DIR}/../build/sysroot" ABSOLUTE)
set(SMELT_SYSROOT "${sysroot}" CACHE PATH "unpacked arm64 packages")
set(CMAKE_FIND_ROOT_PATH "${SMELT_SYSROOT}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
