#include "c_usage.h"

#include <string.h>

#include "smelt/smelt.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define CHECK(condition)                                             \
  do {                                                               \
    if (!(condition)) return "line " TEXT(__LINE__) ": " #condition; \
  } while (0)

static smelt_value tensor(float* data, size_t count) {
  smelt_value v = {0};
  v.kind = SMELT_KIND_TENSOR;
  v.as.tensor.data = data;
  v.as.tensor.bytes = count * sizeof *data;
  v.as.tensor.dtype = SMELT_FLOAT32;
  v.as.tensor.rank = 2;
  v.as.tensor.shape[0] = (int64_t)(count / 3);
  v.as.tensor.shape[1] = 3;
  return v;
}

const char* c_run_add(const void* data, size_t bytes) {
  float x[6] = {1, 2, 3, 4, 5, 6}, y[6] = {0};
  const float expected[6] = {11, 22, 33, 14, 25, 36};
  const smelt_load_options options = {.threads = 1};
  smelt_program* program = NULL;
  smelt_method* method = NULL;
  smelt_error* error = NULL;
  smelt_value_info info;

  CHECK(strlen(smelt_version()) >= 5);
  CHECK(smelt_program_load_memory(data, bytes, &options, &program, &error) == SMELT_OK);
  CHECK(error == NULL);
  CHECK(smelt_program_method_count(program) == 1);
  CHECK(strcmp(smelt_program_method_name(program, 0), "forward") == 0);
  CHECK(smelt_program_method_name(program, 1) == NULL);
  CHECK(smelt_method_load(program, "forward", &method, &error) == SMELT_OK);
  smelt_program_free(program); /* methods live on */

  CHECK(smelt_method_shared_state_bytes(method) == 0);
  CHECK(smelt_method_input_count(method) == 1 && smelt_method_output_count(method) == 1);
  CHECK(smelt_method_input_info(method, 0, &info) == SMELT_OK);
  CHECK(info.kind == SMELT_KIND_TENSOR && info.dtype == SMELT_FLOAT32 &&
        info.dynamism == SMELT_STATIC);
  CHECK(info.rank == 2 && info.shape[0] == 2 && info.shape[1] == 3);
  CHECK(info.dim_order[0] == 0 && info.dim_order[1] == 1);
  CHECK(smelt_method_output_info(method, 1, &info) == SMELT_INVALID_ARGUMENT);

  const smelt_value in = tensor(x, 6);
  smelt_value out = {0};
  CHECK(smelt_method_run(method, &in, 1, &out, 1, &error) == SMELT_OK);
  CHECK(out.kind == SMELT_KIND_TENSOR && out.as.tensor.dtype == SMELT_FLOAT32 &&
        out.as.tensor.rank == 2);
  CHECK(out.as.tensor.shape[0] == 2 && out.as.tensor.shape[1] == 3);
  CHECK(memcmp(out.as.tensor.data, expected, sizeof expected) == 0);

  smelt_value callers = tensor(y, 6);
  CHECK(smelt_method_run(method, &in, 1, &callers, 1, NULL) == SMELT_OK);
  CHECK(callers.as.tensor.data == y && memcmp(y, expected, sizeof expected) == 0);
  smelt_method_reset(method);
  smelt_method_free(method);
  smelt_method_free(NULL);
  smelt_program_free(NULL);
  return NULL;
}

const char* c_errors(const void* data, size_t bytes) {
  float x[9] = {0};
  smelt_program* program = NULL;
  smelt_method* method = NULL;
  smelt_error* error = NULL;

  CHECK(smelt_program_load("/nonexistent/x.pte", NULL, &program, &error) == SMELT_NOT_FOUND);
  CHECK(program == NULL && strstr(smelt_error_message(error), "/nonexistent/x.pte") != NULL);
  smelt_error_free(error);
  CHECK(smelt_program_load("/nonexistent/x.pte", NULL, &program, NULL) == SMELT_NOT_FOUND);
  CHECK(smelt_program_load_memory(data, 40, NULL, &program, NULL) == SMELT_INVALID_FILE);

  const char* external[] = {"/nonexistent/x.ptd"};
  const smelt_load_options no_data = {.external_data = external, .external_data_count = 1};
  CHECK(smelt_program_load_memory(data, bytes, &no_data, &program, &error) == SMELT_NOT_FOUND);
  CHECK(strstr(smelt_error_message(error), "x.ptd") != NULL);
  smelt_error_free(error);
  const smelt_load_options bad_isa = {.isa = "mmx"};
  CHECK(smelt_program_load_memory(data, bytes, &bad_isa, &program, NULL) == SMELT_INVALID_ARGUMENT);

  CHECK(smelt_program_load_memory(data, bytes, NULL, &program, NULL) == SMELT_OK);
  CHECK(smelt_method_load(program, "backward", &method, NULL) == SMELT_NOT_FOUND);
  CHECK(smelt_method_load(program, "forward", &method, NULL) == SMELT_OK);
  smelt_value out = {0};
  const smelt_value large = tensor(x, 9);
  CHECK(smelt_method_run(method, &large, 1, &out, 1, &error) == SMELT_INVALID_ARGUMENT);
  CHECK(strstr(smelt_error_message(error), "[2, 3]") != NULL);
  smelt_error_free(error);

  smelt_value wrong = tensor(x, 6);
  wrong.as.tensor.dtype = 99;
  CHECK(smelt_method_run(method, &wrong, 1, &out, 1, &error) == SMELT_INVALID_ARGUMENT);
  CHECK(strstr(smelt_error_message(error), "input 0: dtype 99") != NULL);
  smelt_error_free(error);
  wrong = tensor(x, 6);
  wrong.as.tensor.rank = 17;
  CHECK(smelt_method_run(method, &wrong, 1, &out, 1, NULL) == SMELT_INVALID_ARGUMENT);
  wrong.kind = -1;
  CHECK(smelt_method_run(method, &wrong, 1, &out, 1, NULL) == SMELT_INVALID_ARGUMENT);

  CHECK(strcmp(smelt_error_message(NULL), "out of memory") == 0);
  smelt_method_free(method);
  smelt_program_free(program);
  return NULL;
}
