/* Smelt's C API: load a program, look at it, run its methods.
 *
 *   smelt_program* program;
 *   smelt_method* method;
 *   smelt_error* error;
 *   if (smelt_program_load("model.pte", NULL, &program, &error) != SMELT_OK) {
 *     puts(smelt_error_message(error));
 *     smelt_error_free(error);
 *     return 1;
 *   }
 *   smelt_method_load(program, "forward", &method, &error);
 *   smelt_value in = {.kind = SMELT_KIND_TENSOR}, out = {0};
 *   in.as.tensor = (smelt_tensor){.data = x, .bytes = sizeof x, .dtype = SMELT_FLOAT32, .rank = 2,
 * .shape = {1, 256}}; smelt_method_run(method, &in, 1, &out, 1, &error); const float* y =
 * out.as.tensor.data;
 *
 * Errors: functions that can fail return a smelt_status. `error` may be NULL. If it is not, *error
 * becomes NULL when the call succeeds; when it fails, it becomes an error that says why, which the
 * caller frees with smelt_error_free (NULL if even that could not be allocated). Pointers may be
 * NULL only where it is said; strings end in a zero byte.
 *
 * Thread-safety: a program may be used by several threads. A method is used by one thread at a
 * time; several methods of one program may run at once, unless they share state
 * (smelt_method_shared_state_bytes): of those one runs, or is reset, at a time.
 */
#ifndef SMELT_SMELT_H_
#define SMELT_SMELT_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SMELT_API __attribute__((visibility("default")))
#else
#define SMELT_API
#endif

/* ExecuTorch's own limit on the rank of a tensor. */
#define SMELT_MAX_RANK 16

typedef struct smelt_program smelt_program;
typedef struct smelt_method smelt_method;
typedef struct smelt_error smelt_error;

typedef enum smelt_status {
  SMELT_OK = 0,
  SMELT_INVALID_ARGUMENT = 1, /* the caller passed something wrong: an input shape, an option */
  SMELT_INVALID_FILE = 2, /* a file is not what it claims to be: truncated, corrupt, inconsistent */
  SMELT_UNSUPPORTED = 3,  /* the file is sound, but uses something that Smelt does not have */
  SMELT_NOT_FOUND = 4,    /* a file, a method or a named datum does not exist */
  SMELT_OUT_OF_MEMORY = 5,
  SMELT_IO = 6 /* the operating system refused to read */
} smelt_status;

/* Types of elements. */
typedef enum smelt_dtype {
  SMELT_FLOAT32 = 0,
  SMELT_FLOAT16 = 1,
  SMELT_BFLOAT16 = 2,
  SMELT_FLOAT64 = 3,
  SMELT_INT8 = 4,
  SMELT_UINT8 = 5,
  SMELT_INT16 = 6,
  SMELT_UINT16 = 7,
  SMELT_INT32 = 8,
  SMELT_UINT32 = 9,
  SMELT_INT64 = 10,
  SMELT_UINT64 = 11,
  SMELT_BOOL = 12,
  /* 13 is a type of packed weights only. Complex numbers: the real part, then the imaginary part.
   */
  SMELT_COMPLEX32 = 14,
  SMELT_COMPLEX64 = 15,
  SMELT_COMPLEX128 = 16
} smelt_dtype;

typedef enum smelt_kind {
  SMELT_KIND_NONE = 0,
  SMELT_KIND_TENSOR = 1,
  SMELT_KIND_INT = 2,
  SMELT_KIND_DOUBLE = 3,
  SMELT_KIND_BOOL = 4,
  SMELT_KIND_STRING = 5,
  SMELT_KIND_LIST = 6 /* only in a smelt_value_info */
} smelt_kind;

/* How far the shape of a tensor is fixed. */
typedef enum smelt_dynamism {
  SMELT_STATIC = 0,  /* exactly `shape` */
  SMELT_BOUNDED = 1, /* no extent larger than in `shape` */
  SMELT_UNBOUNDED = 2
} smelt_dynamism;

/* A dense tensor in somebody's memory. */
typedef struct smelt_tensor {
  void* data;
  size_t bytes;  /* what `data` has room for; at least what the shape needs */
  int32_t dtype; /* smelt_dtype */
  uint32_t rank; /* at most SMELT_MAX_RANK; 0 is a scalar */
  int64_t shape[SMELT_MAX_RANK];
  /* Dimensions from the outermost in memory to the innermost; all zero: as in the shape. 0, 2, 3, 1
   * is channels-last. */
  int64_t dim_order[SMELT_MAX_RANK];
} smelt_tensor;

/* What goes into a method and comes out of it: `kind` says which member of `as` holds. All zero is
 * a value of no kind. */
typedef struct smelt_value {
  int32_t kind; /* smelt_kind */
  union {
    smelt_tensor tensor;
    int64_t integer;
    double real;
    bool boolean;
    struct {
      const char* data; /* not ended by a zero byte */
      size_t size;
    } string;
  } as;
} smelt_value;

/* What a method expects at an input, or gives at an output. All but `kind` are for tensors. */
typedef struct smelt_value_info {
  int32_t kind;     /* smelt_kind */
  int32_t dtype;    /* smelt_dtype */
  int32_t dynamism; /* smelt_dynamism */
  uint32_t rank;
  int64_t shape[SMELT_MAX_RANK];
  int64_t dim_order[SMELT_MAX_RANK];
} smelt_value_info;

/* All zero: the defaults. */
typedef struct smelt_load_options {
  uint32_t threads; /* workers, the caller included; 0: as many as `smelt cpu` says */
  const char* isa;  /* comma-separated tiers to use; NULL: $SMELT_ISA, or all that the CPU has */
  const char* const* external_data; /* paths of .ptd files, searched in order */
  size_t external_data_count;
} smelt_load_options;

/* "0.1.0" */
SMELT_API const char* smelt_version(void);

/* Maps and checks a file. `options` may be NULL. On success *program is to be freed with
 * smelt_program_free. */
SMELT_API smelt_status smelt_program_load(const char* path, const smelt_load_options* options,
                                          smelt_program** program, smelt_error** error);
/* The same from memory, aligned to 16 bytes, which the caller keeps alive and unchanged until the
 * program and all of its methods have been freed. */
SMELT_API smelt_status smelt_program_load_memory(const void* data, size_t bytes,
                                                 const smelt_load_options* options,
                                                 smelt_program** program, smelt_error** error);
/* Methods live on. `program` may be NULL. */
SMELT_API void smelt_program_free(smelt_program* program);

SMELT_API size_t smelt_program_method_count(const smelt_program* program);
/* Lives as long as the program; NULL if there is no such method. */
SMELT_API const char* smelt_program_method_name(const smelt_program* program, size_t index);

/* Packs weights and plans memory. On success *method is to be freed with smelt_method_free. */
SMELT_API smelt_status smelt_method_load(const smelt_program* program, const char* name,
                                         smelt_method** method, smelt_error** error);
/* `method` may be NULL. */
SMELT_API void smelt_method_free(smelt_method* method);

SMELT_API size_t smelt_method_input_count(const smelt_method* method);
SMELT_API size_t smelt_method_output_count(const smelt_method* method);
/* SMELT_INVALID_ARGUMENT if there is no such input. */
SMELT_API smelt_status smelt_method_input_info(const smelt_method* method, size_t index,
                                               smelt_value_info* info);
SMELT_API smelt_status smelt_method_output_info(const smelt_method* method, size_t index,
                                                smelt_value_info* info);

/* Runs once. Inputs are read and never written. Where outputs[i] is a tensor with memory, the
 * result goes there (SMELT_INVALID_ARGUMENT if it does not fit) and its shape is set; else
 * outputs[i] refers to memory of the method, valid until its next run. What a run left in `outputs`
 * may be passed to the next: the method knows its own memory. Allocates nothing once it has seen
 * the input shapes. */
SMELT_API smelt_status smelt_method_run(smelt_method* method, const smelt_value* inputs,
                                        size_t input_count, smelt_value* outputs,
                                        size_t output_count, smelt_error** error);
/* State that belongs to the program, because its file gives it to several methods: a cache that
 * "prefill" fills and "decode" reads. It has its initial value when the first of them is loaded. 0:
 * the method has its state for itself. */
SMELT_API size_t smelt_method_shared_state_bytes(const smelt_method* method);
/* Puts mutable state (KV caches and other buffers) back to its initial value. State that is shared
 * is put back for all methods. */
SMELT_API void smelt_method_reset(smelt_method* method);

/* A sentence that names the file, the field and the value; lives as long as the error. "out of
 * memory" for NULL. */
SMELT_API const char* smelt_error_message(const smelt_error* error);
/* `error` may be NULL. */
SMELT_API void smelt_error_free(smelt_error* error);

#ifdef __cplusplus
}
#endif

#endif /* SMELT_SMELT_H_ */
