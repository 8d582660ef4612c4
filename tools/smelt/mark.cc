#include "mark.h"

// The empty assembly keeps calls from being dropped and the two from being folded into one.
extern "C" {
[[gnu::noinline, gnu::used, gnu::visibility("default")]] void smelt_mark_begin() {
  asm volatile("# begin" ::: "memory");
}
[[gnu::noinline, gnu::used, gnu::visibility("default")]] void smelt_mark_end() {
  asm volatile("# end" ::: "memory");
}
}
