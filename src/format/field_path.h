// Where in a file something is wrong: "model.pte: execution_plan[0].values[17].sizes[1]". A chain
// of stack objects, so that a sound file pays nothing for the messages of a broken one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace smelt {

class FieldPath {
 public:
  /// The file, or what else the fields belong to. `name` outlives the path.
  explicit FieldPath(std::string_view name) : name_(name) {}

  /// A field, and an element of a field. The parent outlives what is made from it.
  FieldPath field(std::string_view name) const { return FieldPath(this, name, -1); }
  FieldPath item(std::string_view name, uint64_t index) const {
    return FieldPath(this, name, int64_t(index));
  }

  std::string text() const {
    if (parent_ == nullptr) return std::string(name_);
    std::string s = parent_->text();
    s += parent_->parent_ == nullptr ? ": " : ".";
    s += name_;
    if (index_ >= 0) s += fmt::format("[{}]", index_);
    return s;
  }

  /// kInvalidFile: the path, then the message: path.invalid("is {}; must be 0 or more", size).
  template <class... Args>
  [[nodiscard]] tl::unexpected<Error> invalid(fmt::format_string<Args...> format,
                                              Args&&... args) const {
    return error(ErrorCode::kInvalidFile, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  [[nodiscard]] tl::unexpected<Error> unsupported(fmt::format_string<Args...> format,
                                                  Args&&... args) const {
    return error(ErrorCode::kUnsupported, fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  FieldPath(const FieldPath* parent, std::string_view name, int64_t index)
      : parent_(parent), name_(name), index_(index) {}
  tl::unexpected<Error> error(ErrorCode code, std::string_view message) const {
    return tl::unexpected<Error>(
        Error{code, fmt::format("{}{} {}", text(), parent_ == nullptr ? ":" : "", message)});
  }

  const FieldPath* parent_ = nullptr;
  std::string_view name_;
  int64_t index_ = -1;
};

}  // namespace smelt
