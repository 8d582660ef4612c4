// The C API, which is the C++ API in other words.
#include <algorithm>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "smelt/smelt.h"
#include "smelt/smelt.hpp"

struct smelt_error {
  std::string message;
};

struct smelt_program {
  smelt::Program program;
  std::vector<std::string> names;
};

struct smelt_method {
  smelt::Method method;
  /// Kept between runs, so that runs allocate nothing.
  std::vector<smelt::Value> inputs, outputs;
};

namespace smelt {
namespace {

smelt_status status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return SMELT_INVALID_ARGUMENT;
    case ErrorCode::kInvalidFile:
      return SMELT_INVALID_FILE;
    case ErrorCode::kUnsupported:
      return SMELT_UNSUPPORTED;
    case ErrorCode::kNotFound:
      return SMELT_NOT_FOUND;
    case ErrorCode::kOutOfMemory:
      return SMELT_OUT_OF_MEMORY;
    case ErrorCode::kIo:
      return SMELT_IO;
  }
  return SMELT_UNSUPPORTED;
}

/// Runs f() -> Status; no exception leaves it. What it leaves of a failure is the return value and
/// *error.
template <class F>
smelt_status guarded(smelt_error** error, F f) noexcept {
  if (error != nullptr) *error = nullptr;
  try {
    Status ok = f();
    if (ok) return SMELT_OK;
    if (error != nullptr) *error = new smelt_error{std::move(ok.error().message)};
    return status_of(ok.error().code);
  } catch (const std::bad_alloc&) {
    return SMELT_OUT_OF_MEMORY;
  }
}

LoadOptions options_of(const smelt_load_options* o) {
  LoadOptions options;
  if (o == nullptr) return options;
  options.threads = o->threads;
  if (o->isa != nullptr) options.isa = o->isa;
  options.external_data.assign(o->external_data, o->external_data + o->external_data_count);
  return options;
}

Status hand_out(Result<Program> loaded, smelt_program** program) {
  if (!loaded) return tl::unexpected(std::move(loaded).error());
  auto names = loaded->method_names();
  *program = new smelt_program{*std::move(loaded), std::move(names)};
  return {};
}

// The enumerations of both languages have the same values; the two ends of each prove it.
static_assert(int(DType::kF32) == SMELT_FLOAT32 && int(DType::kBool) == SMELT_BOOL &&
              int(DType::kC32) == SMELT_COMPLEX32 && int(DType::kC128) == SMELT_COMPLEX128);
static_assert(int(ValueKind::kNone) == SMELT_KIND_NONE && int(ValueKind::kList) == SMELT_KIND_LIST);
static_assert(int(Dynamism::kStatic) == SMELT_STATIC &&
              int(Dynamism::kUnbounded) == SMELT_UNBOUNDED);
static_assert(kMaxRank == SMELT_MAX_RANK);

Result<TensorView> tensor_of(const smelt_tensor& t) {
  if (t.dtype < SMELT_FLOAT32 || t.dtype > SMELT_COMPLEX128 || t.dtype == int(DType::kU4)) {
    return fail(ErrorCode::kInvalidArgument, "dtype {} does not exist", t.dtype);
  }
  if (t.rank > kMaxRank)
    return fail(ErrorCode::kInvalidArgument, "rank {} is above {}", t.rank, kMaxRank);
  TensorView view;
  view.data = t.data;
  view.bytes = t.bytes;
  view.dtype = DType(t.dtype);
  view.shape = Shape({t.shape, t.rank});
  if (std::any_of(t.dim_order, t.dim_order + t.rank, [](int64_t d) { return d != 0; })) {
    view.dim_order = Shape({t.dim_order, t.rank});
  }
  return view;
}

Result<Value> value_of(const smelt_value& v) {
  switch (v.kind) {
    case SMELT_KIND_NONE:
      return Value();
    case SMELT_KIND_TENSOR: {
      SMELT_ASSIGN(const TensorView view, tensor_of(v.as.tensor));
      return Value(view);
    }
    case SMELT_KIND_INT:
      return Value(v.as.integer);
    case SMELT_KIND_DOUBLE:
      return Value(v.as.real);
    case SMELT_KIND_BOOL:
      return Value(v.as.boolean);
    case SMELT_KIND_STRING:
      return Value(std::string_view(v.as.string.data, v.as.string.size));
    default:
      return fail(ErrorCode::kInvalidArgument, "kind {} is no kind of value", v.kind);
  }
}

/// Fills `values` from `from`; `what` is "input" or "output".
Status read_values(const smelt_value* from, size_t count, std::vector<Value>& values,
                   const char* what) {
  values.resize(count);
  for (size_t i = 0; i < count; ++i) {
    auto value = value_of(from[i]);
    if (!value) return prefixed(std::move(value).error(), fmt::format("{} {}", what, i));
    values[i] = *value;
  }
  return {};
}

template <class Tensor>
void write_shape(const Shape& shape, const Shape& dim_order, Tensor& t) {
  t.rank = uint32_t(shape.rank());
  std::copy(shape.begin(), shape.end(), t.shape);
  for (size_t i = 0; i < shape.rank(); ++i)
    t.dim_order[i] = dim_order.rank() == 0 ? int64_t(i) : dim_order[i];
}

void write_value(const Value& value, smelt_value& v) {
  v = {};
  if (const TensorView* t = value.tensor()) {
    v.kind = SMELT_KIND_TENSOR;
    v.as.tensor.data = t->data;
    v.as.tensor.bytes = t->bytes;
    v.as.tensor.dtype = int32_t(t->dtype);
    write_shape(t->shape, t->dim_order, v.as.tensor);
  } else if (const int64_t* i = value.integer()) {
    v.kind = SMELT_KIND_INT;
    v.as.integer = *i;
  } else if (const double* d = value.real()) {
    v.kind = SMELT_KIND_DOUBLE;
    v.as.real = *d;
  } else if (const bool* b = value.boolean()) {
    v.kind = SMELT_KIND_BOOL;
    v.as.boolean = *b;
  } else if (const std::string_view* s = value.string()) {
    v.kind = SMELT_KIND_STRING;
    v.as.string = {s->data(), s->size()};
  }
}

smelt_status describe(std::span<const ValueInfo> infos, size_t index, smelt_value_info* info) {
  if (index >= infos.size()) return SMELT_INVALID_ARGUMENT;
  const ValueInfo& from = infos[index];
  *info = {};
  info->kind = int32_t(from.kind);
  info->dtype = int32_t(from.dtype);
  info->dynamism = int32_t(from.dynamism);
  write_shape(from.shape, from.dim_order, *info);
  return SMELT_OK;
}

}  // namespace
}  // namespace smelt

using namespace smelt;

extern "C" {

const char* smelt_version(void) { return version().data(); }

smelt_status smelt_program_load(const char* path, const smelt_load_options* options,
                                smelt_program** program, smelt_error** error) {
  return guarded(error, [&] {
    return hand_out(Program::load(std::filesystem::path(path), options_of(options)), program);
  });
}

smelt_status smelt_program_load_memory(const void* data, size_t bytes,
                                       const smelt_load_options* options, smelt_program** program,
                                       smelt_error** error) {
  return guarded(error, [&] {
    const std::span memory(static_cast<const std::byte*>(data), bytes);
    return hand_out(Program::load(memory, options_of(options)), program);
  });
}

void smelt_program_free(smelt_program* program) { delete program; }

size_t smelt_program_method_count(const smelt_program* program) { return program->names.size(); }

const char* smelt_program_method_name(const smelt_program* program, size_t index) {
  return index < program->names.size() ? program->names[index].c_str() : nullptr;
}

smelt_status smelt_method_load(const smelt_program* program, const char* name,
                               smelt_method** method, smelt_error** error) {
  return guarded(error, [&]() -> Status {
    SMELT_ASSIGN(Method loaded, program->program.method(name));
    *method = new smelt_method{std::move(loaded), {}, {}};
    return {};
  });
}

void smelt_method_free(smelt_method* method) { delete method; }

size_t smelt_method_input_count(const smelt_method* method) {
  return method->method.inputs().size();
}
size_t smelt_method_output_count(const smelt_method* method) {
  return method->method.outputs().size();
}

smelt_status smelt_method_input_info(const smelt_method* method, size_t index,
                                     smelt_value_info* info) {
  return describe(method->method.inputs(), index, info);
}

smelt_status smelt_method_output_info(const smelt_method* method, size_t index,
                                      smelt_value_info* info) {
  return describe(method->method.outputs(), index, info);
}

smelt_status smelt_method_run(smelt_method* method, const smelt_value* inputs, size_t input_count,
                              smelt_value* outputs, size_t output_count, smelt_error** error) {
  return guarded(error, [&]() -> Status {
    SMELT_TRY(read_values(inputs, input_count, method->inputs, "input"));
    SMELT_TRY(read_values(outputs, output_count, method->outputs, "output"));
    SMELT_TRY(method->method.run(method->inputs, method->outputs));
    for (size_t i = 0; i < output_count; ++i) write_value(method->outputs[i], outputs[i]);
    return {};
  });
}

size_t smelt_method_shared_state_bytes(const smelt_method* method) {
  return method->method.info().shared_state_bytes;
}

void smelt_method_reset(smelt_method* method) { method->method.reset(); }

const char* smelt_error_message(const smelt_error* error) {
  return error != nullptr ? error->message.c_str() : "out of memory";
}

void smelt_error_free(smelt_error* error) { delete error; }

}  // extern "C"
