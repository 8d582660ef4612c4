/* smelt.h used from C. Each function gives NULL, or what went wrong. */
#ifndef SMELT_TEST_API_C_USAGE_H_
#define SMELT_TEST_API_C_USAGE_H_

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* `data` is add_program() of programs.h. */
const char* c_run_add(const void* data, size_t bytes);
const char* c_errors(const void* data, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif /* SMELT_TEST_API_C_USAGE_H_ */
