#include "platform/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace smelt {
namespace {

namespace fs = std::filesystem;

/// A file that goes again, unless it was finished.
class NewFile {
 public:
  /// Creates `name`; false, with errno, if that fails or something has the name.
  bool create(std::string name) {
    name_ = std::move(name);
    fd_ = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    created_ = fd_ >= 0;
    return created_;
  }
  /// Opens what is there, which then stays in any case.
  bool open(std::string name) {
    name_ = std::move(name);
    fd_ = ::open(name_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    return fd_ >= 0;
  }
  NewFile() = default;
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (fd_ >= 0) ::close(fd_);
    if (created_) ::unlink(name_.c_str());
  }
  bool write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return false;
      bytes = bytes.subspan(size_t(n));
    }
    return true;
  }
  /// Closes the file, which stays, under the name `place`.
  bool finish(const std::string& place) {
    if (::close(std::exchange(fd_, -1)) != 0) return false;
    if (place != name_ && ::rename(name_.c_str(), place.c_str()) != 0) return false;
    created_ = false;
    return true;
  }

 private:
  std::string name_;
  int fd_ = -1;
  bool created_ = false;
};

tl::unexpected<Error> failed(const fs::path& path, const char* what) {
  return fail(ErrorCode::kIo, "{}: cannot {}: {}", path.string(), what, std::strerror(errno));
}

/// Creates what write_file writes into. Gives the name that it has to get in the end.
Result<std::string> create(NewFile& file, const fs::path& path, IfExists if_exists) {
  std::string place = path.string();
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    errno = EISDIR;
    return failed(path, "write");
  }
  if (if_exists == IfExists::kKeep) {
    if (file.create(place)) return place;
    if (errno != EEXIST) return failed(path, "create");
    return fail(ErrorCode::kInvalidArgument, "{} exists and stays as it is", place);
  }
  // What a link points to is replaced, and the link stays.
  if (fs::path target = fs::canonical(path, ignored); !ignored) place = target.string();
  // The new file is written beside its place. Its name is one that no other process, and no other
  // thread of this one, has: what is there already is left alone.
  int attempt = 0;
  while (!file.create(fmt::format("{}.{}.{}.part", place, ::getpid(), attempt))) {
    if (errno != EEXIST || ++attempt == 100) return failed(path, "create");
  }
  return place;
}

/// A device or a pipe takes bytes, not a new name, and /dev/stdout is a file that is open.
bool is_device(const fs::path& path) {
  std::error_code ignored;
  return fs::is_other(fs::status(path, ignored)) || path.string().starts_with("/dev/");
}

}  // namespace

Status write_file(const std::filesystem::path& path,
                  std::initializer_list<std::span<const std::byte>> parts, IfExists if_exists) {
  NewFile file;
  std::string place = path.string();
  if (is_device(path)) {
    if (!file.open(place)) return failed(path, "open");
  } else {
    SMELT_ASSIGN(place, create(file, path, if_exists));
  }
  for (const auto bytes : parts) {
    if (!file.write(bytes)) return failed(path, "write");
  }
  if (!file.finish(place)) return failed(path, "write");
  return {};
}

Status check_writable(const std::filesystem::path& path, IfExists if_exists) {
  if (is_device(path)) {  // not opened: opening a pipe waits for its reader
    if (::access(path.c_str(), W_OK) != 0) return failed(path, "open");
    return {};
  }
  NewFile file;
  SMELT_TRY(create(file, path, if_exists));
  return {};
}

}  // namespace smelt
