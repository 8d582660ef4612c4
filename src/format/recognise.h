// What a file is that is not what was expected.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace smelt {

/// What the bytes of a whole file are, and what its holder may do: "a Git LFS pointer, not the file
/// it stands for: …", for messages that go on "X.pte: not an ExecuTorch program but …". Empty if
/// they are nothing that is known here.
std::string recognise(std::span<const std::byte> file);

}  // namespace smelt
