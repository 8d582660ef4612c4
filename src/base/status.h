// Errors as values, and the two macros that pass them on.
#pragma once

#include <fmt/core.h>

#include <utility>

#include "smelt/types.hpp"

namespace smelt {

/// Builds an error from a format string: `return fail(ErrorCode::kInvalidFile, "{}: no header",
/// path);`
template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format,
                                         Args&&... args) {
  return tl::unexpected<Error>(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

/// Puts a prefix before the message, keeping the code: callers add what they know (the file, the
/// node).
[[nodiscard]] inline tl::unexpected<Error> prefixed(Error error, std::string_view prefix) {
  return tl::unexpected<Error>(Error{error.code, fmt::format("{}: {}", prefix, error.message)});
}

}  // namespace smelt

#define SMELT_CONCAT_INNER(a, b) a##b
#define SMELT_CONCAT(a, b) SMELT_CONCAT_INNER(a, b)

/// Returns the error of a Status or Result from the enclosing function.
#define SMELT_TRY(expr)                                                                          \
  do {                                                                                           \
    auto&& smelt_status = (expr);                                                                \
    if (!smelt_status) return ::tl::unexpected<::smelt::Error>(std::move(smelt_status).error()); \
  } while (false)

/// `SMELT_ASSIGN(auto x, f());` binds the value of a Result, or returns its error.
#define SMELT_ASSIGN(declaration, expr) \
  SMELT_ASSIGN_IMPL(SMELT_CONCAT(smelt_result_, __LINE__), declaration, expr)
#define SMELT_ASSIGN_IMPL(result, declaration, expr)                               \
  auto result = (expr);                                                            \
  if (!result) return ::tl::unexpected<::smelt::Error>(std::move(result).error()); \
  declaration = *std::move(result)
