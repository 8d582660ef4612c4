// The vocabulary that the public API and every layer below it share: errors as values, and element
// types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "smelt/dtype.hpp"

namespace smelt {

/// Why a call failed. The class of the failure decides what a caller can do about it; the message
/// says the rest.
enum class ErrorCode : uint8_t {
  kInvalidArgument,  ///< the caller passed something wrong: an input shape, an option, a method
                     ///< name
  kInvalidFile,      ///< a file is not what it claims to be: truncated, corrupt, inconsistent
  kUnsupported,      ///< the file is sound, but uses something that Smelt does not have
  kNotFound,         ///< a file, a method or a named datum does not exist
  kOutOfMemory,      ///< an allocation failed, or a size is beyond what can be addressed
  kIo,               ///< the operating system refused to read or write
};

/// An error: a class and a sentence. The sentence names the file, the field and the value.
struct Error {
  ErrorCode code;
  std::string message;
};

/// A value or an Error. No function of Smelt throws across its public boundary.
template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

/// The name as NumPy spells it ("float32", "int8", "bool"; "bfloat16" and "uint4" where NumPy has
/// none).
std::string_view name(DType) noexcept;

/// Bits per element: 4 for kU4, otherwise a multiple of 8.
size_t bits(DType) noexcept;

}  // namespace smelt
