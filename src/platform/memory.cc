#include "platform/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include "base/checked.h"

namespace smelt {

void AlignedBuffer::Free::operator()(std::byte* p) const noexcept { std::free(p); }

Result<AlignedBuffer> AlignedBuffer::allocate(size_t bytes, bool zero) {
  AlignedBuffer buffer;
  if (bytes == 0) return buffer;
  if (bytes > size_t(std::numeric_limits<ptrdiff_t>::max()) - 2 * kAlignment)
    return fail(ErrorCode::kOutOfMemory, "cannot allocate {} bytes", bytes);
  const size_t padded = round_up(bytes + kAlignment, kAlignment);
  buffer.data_.reset(static_cast<std::byte*>(std::aligned_alloc(kAlignment, padded)));
  if (buffer.data_ == nullptr) return fail(ErrorCode::kOutOfMemory, "cannot allocate {} bytes", bytes);
  buffer.size_ = bytes;
  if (zero) std::memset(buffer.data_.get(), 0, padded);
  return buffer;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const int error = errno;
    return fail(error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo, "{}: {}", path.string(),
                std::strerror(error));
  }
  struct stat info {};
  MappedFile file;
  int error = 0;
  if (::fstat(fd, &info) != 0) {
    error = errno;
  } else if (!S_ISREG(info.st_mode)) {
    error = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
  } else if (info.st_size > 0) {
    void* p = ::mmap(nullptr, size_t(info.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) {
      error = errno;
    } else {
      file.data_ = static_cast<const std::byte*>(p);
      file.size_ = size_t(info.st_size);
    }
  }
  ::close(fd);
  if (error != 0) return fail(ErrorCode::kIo, "{}: {}", path.string(), std::strerror(error));
  return file;
}

}  // namespace smelt
