#include "support/allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SMELT_THREAD_SANITIZER
#include <sanitizer/allocator_interface.h>
#endif
#endif

namespace {

std::atomic<size_t> count = 0;

void* counted(size_t bytes, size_t alignment) {
  count.fetch_add(1, std::memory_order_relaxed);
  void* p = nullptr;
  if (posix_memalign(&p, alignment < sizeof(void*) ? sizeof(void*) : alignment, bytes) != 0)
    return nullptr;
  return p;
}

}  // namespace

namespace smelt::test {

size_t allocations() { return count.load(std::memory_order_relaxed); }

}  // namespace smelt::test

extern "C" void* aligned_alloc(size_t alignment, size_t bytes) { return counted(bytes, alignment); }

#if defined(SMELT_THREAD_SANITIZER)

// This sanitizer's operators cannot be replaced, but they tell.
namespace {
const int kInstalled = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, size_t) { count.fetch_add(1, std::memory_order_relaxed); },
    [](const volatile void*) {});
}  // namespace

#else

namespace {

void* counted_or_throw(size_t bytes, size_t alignment) {
  void* p = counted(bytes, alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

}  // namespace

// The other forms of new and delete call these.
void* operator new(size_t n) { return counted_or_throw(n, alignof(std::max_align_t)); }
void* operator new(size_t n, std::align_val_t a) { return counted_or_throw(n, size_t(a)); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { std::free(p); }

#endif
