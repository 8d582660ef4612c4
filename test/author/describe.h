// A program file as text: everything that a file made of the same module by another writer has in
// common with it. Left out are what differs by rights: values of weights and of scales, names made
// of hashes, places in memory and in the file, debug handles.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace smelt {

/// One line per table, with the fields that are present in it. `file` is aligned to 16. Fails the
/// running test if a flatbuffer does not verify.
std::string describe_program(std::span<const std::byte> file);

}  // namespace smelt
