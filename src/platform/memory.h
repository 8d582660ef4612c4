// Aligned memory with an owner, and files mapped into memory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "base/status.h"

namespace smelt {

/// A cache line on every CPU that Smelt runs on, and the widest x86 vector.
inline constexpr size_t kAlignment = 64;

/// Uninitialised bytes, aligned to kAlignment, and padded so that a vector may be read at the last
/// element.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  /// With `zero` all bytes are null. Fails with kOutOfMemory.
  static Result<AlignedBuffer> allocate(size_t bytes, bool zero = false);
  /// Null bytes of which perhaps few are used, because the size is that of the largest shape
  /// allowed: pages that nobody touches take neither time nor memory. kOutOfMemory.
  static Result<AlignedBuffer> allocate_sparse(size_t bytes);
  /// Makes all bytes null, as they are in a new buffer of zeros.
  void clear() noexcept;

  std::byte* data() noexcept { return data_.get(); }
  const std::byte* data() const noexcept { return data_.get(); }
  size_t size() const noexcept { return size_; }
  std::span<std::byte> bytes() noexcept { return {data_.get(), size_}; }
  std::span<const std::byte> bytes() const noexcept { return {data_.get(), size_}; }

 private:
  enum class Contents { kAny, kZeros, kSparseZeros };
  static Result<AlignedBuffer> make(size_t bytes, Contents);

  struct Free {
    size_t mapped;  ///< bytes of pages of its own; 0: it is from the heap
    Free() : mapped(0) {}
    explicit Free(size_t bytes) : mapped(bytes) {}
    void operator()(std::byte*) const noexcept;
  };
  std::unique_ptr<std::byte, Free> data_;
  size_t size_ = 0;
};

/// A file, mapped read-only for as long as this object lives. Movable; the mapping does not move
/// with it.
class MappedFile {
 public:
  MappedFile() = default;
  MappedFile(MappedFile&&) noexcept;
  MappedFile& operator=(MappedFile&&) noexcept;
  ~MappedFile();
  /// kNotFound, kIo. A file of zero bytes maps to an empty span.
  static Result<MappedFile> open(const std::filesystem::path&);
  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace smelt
