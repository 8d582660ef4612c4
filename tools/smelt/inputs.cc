#include "inputs.h"

#include <charconv>
#include <optional>
#include <random>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "base/float16.h"
#include "base/status.h"
#include "bundle.h"
#include "elements.h"
#include "format/bundled/bundled_program.h"
#include "options.h"

namespace smelt::cli {
namespace {

bool fits(const ValueInfo& info, const Shape& shape) {
  if (info.dynamism == Dynamism::kStatic) return shape == info.shape;
  if (shape.rank() != info.shape.rank()) return false;
  if (info.dynamism == Dynamism::kUnbounded) return true;
  for (size_t d = 0; d < shape.rank(); ++d) {
    if (shape[d] > info.shape[d]) return false;
  }
  return true;
}

/// bfloat16 has no .npy type: float32 is rounded, uint16 is taken as bits. Anything else stays.
Array as_bfloat16(Array a) {
  if (a.dtype == DType::kU16) {
    a.dtype = DType::kBF16;
  } else if (a.dtype == DType::kF32) {
    Array converted{DType::kBF16, a.shape,
                    std::vector<std::byte>(a.shape.numel() * sizeof(BFloat16))};
    for (size_t i = 0; i < a.shape.numel(); ++i) {
      store_element<BFloat16>(converted.bytes.data(), i, load_element<float>(a.bytes.data(), i));
    }
    return converted;
  }
  return a;
}

TensorView view(DType dtype, const Shape& shape, const Shape& dim_order,
                std::span<std::byte> memory) {
  TensorView t;
  t.data = memory.data();
  t.bytes = memory.size();
  t.dtype = dtype;
  t.shape = shape;
  t.dim_order = dim_order;
  return t;
}

template <class T>
bool parse_number(std::string_view text, T& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

/// "int:5", "float:1.5", "bool:true"; none if the text has no such prefix.
Result<Value> parse_scalar(std::string_view text) {
  const auto bad = [&](const char* expected) {
    return fail(ErrorCode::kInvalidArgument, "--input {}: expected {}", text, expected);
  };
  const size_t colon = text.find(':');
  const std::string_view type = text.substr(0, colon);
  if (colon == text.npos || (type != "int" && type != "float" && type != "bool")) return Value();
  const std::string_view number = text.substr(colon + 1);
  if (type == "int") {
    int64_t i = 0;
    if (!parse_number(number, i)) return bad("an integer after int:");
    return Value(i);
  }
  if (type == "float") {
    double d = 0;
    if (!parse_number(number, d)) return bad("a number after float:");
    return Value(d);
  }
  if (number != "true" && number != "false") return bad("bool:true or bool:false");
  return Value(number == "true");
}

ValueKind kind_of(const Value& v) {
  if (v.integer() != nullptr) return ValueKind::kInt;
  return v.real() != nullptr ? ValueKind::kDouble : ValueKind::kBool;
}

/// `scalar` as a tensor of one element, where the method takes such a one: an integer for any type
/// of number that holds it, a float for types of floats, a bool for bools. Nothing where it does
/// not.
std::optional<Array> one_element(const Value& scalar, const ValueInfo& info) {
  Shape shape;
  while (shape.rank() < info.shape.rank()) shape.push_back(1);
  if (!fits(info, shape) || parts(info.dtype) != 1) return std::nullopt;
  Array a{info.dtype, shape, std::vector<std::byte>(bits(info.dtype) / 8)};
  const auto store = [&]<class T> {
    constexpr bool whole = std::is_integral_v<T>;
    if (const bool* b = scalar.boolean()) {
      if (info.dtype != DType::kBool) return false;
      store_element<T>(a.bytes.data(), 0, *b);
    } else if (const double* d = scalar.real()) {
      if (whole) return false;
      store_element<T>(a.bytes.data(), 0, *d);
    } else {
      const int64_t i = *scalar.integer();
      if constexpr (whole) {
        if (info.dtype == DType::kBool || !std::in_range<T>(i)) return false;
        store_element<T>(a.bytes.data(), 0, i);
      } else {
        store_element<T>(a.bytes.data(), 0, double(i));
      }
    }
    return true;
  };
  if (!with_element_type(info.dtype, store)) return std::nullopt;
  return a;
}

/// The engine is specified to the bit, std's distributions are not: the same seed is to give the
/// same inputs everywhere.
double uniform(std::mt19937_64& engine) { return double(engine() >> 11) * 0x1p-53; }

/// Floats in [-1, 1), bytes over their whole range. Wider integers are 0 or 1, because they are
/// mostly indices, and those two are good ones nearly everywhere.
Array random_array(const ValueInfo& info, std::mt19937_64& engine) {
  Array a{info.dtype, info.shape, {}};
  const size_t n = a.shape.numel() * parts(a.dtype);
  a.bytes.resize(a.shape.numel() * bits(a.dtype) / 8);
  with_element_type(a.dtype, [&]<class T> {
    for (size_t i = 0; i < n; ++i) {
      if constexpr (!std::is_integral_v<T>) {
        store_element<T>(a.bytes.data(), i, float(2 * uniform(engine) - 1));
      } else if (sizeof(T) == 1 && info.dtype != DType::kBool) {
        store_element<T>(a.bytes.data(), i, engine() >> 56);
      } else {
        store_element<T>(a.bytes.data(), i, engine() >> 63);
      }
    }
  });
  return a;
}

}  // namespace

Status Inputs::add(const ValueInfo& info, const Array& given, std::string_view what) {
  const auto mismatch = [&] {
    return fail(ErrorCode::kInvalidArgument, "{}: expected {}, got {}", what, describe(info),
                describe(given.dtype, given.shape));
  };
  if (info.kind == ValueKind::kInt || info.kind == ValueKind::kDouble ||
      info.kind == ValueKind::kBool) {
    if (given.shape.numel() != 1) return mismatch();
    with_element_type(given.dtype, [&]<class T> {
      const auto e = load_element<T>(given.bytes.data(), 0);
      if (info.kind == ValueKind::kInt) {
        values.emplace_back(int64_t(e));
      } else if (info.kind == ValueKind::kDouble) {
        values.emplace_back(double(e));
      } else {
        values.emplace_back(e != 0);
      }
    });
    return {};
  }
  if (info.kind != ValueKind::kTensor) return mismatch();
  const Array array = info.dtype == DType::kBF16 ? as_bfloat16(given) : given;
  if (array.dtype != info.dtype || !fits(info, array.shape)) return mismatch();
  memory.push_back(to_memory_order(array, info.dim_order));
  values.emplace_back(view(array.dtype, array.shape, info.dim_order, memory.back()));
  return {};
}

void InputOptions::add(CLI::App& app) {
  app.add_option("--input", given,
                 "An input, in order: a .npy file in logical (C) order, or a number: int:5, "
                 "float:1.5, bool:true (a tensor of one element takes one, too). bfloat16 is read "
                 "from float32 or from uint16 bit patterns. Inputs that are not given are those of "
                 "a test case, if the program brings any, else random, of the largest shape "
                 "allowed")
      ->type_name("F.npy|TYPE:X")
      ->check(not_empty)
      ->allow_extra_args(false);
  app.add_option_function<std::string>(
         "--case", [this](const std::string& s) { test_case = parse_whole(s, 0, UINT32_MAX); },
         "Take inputs from this test case of a bundled program (.bpte); default 0, the first")
      ->type_name("N")
      ->check(whole_number(0, UINT32_MAX));
}

namespace {

/// The inputs of the test case that the options ask for; none if there is no such thing.
Result<std::vector<Array>> read_case(const Method& method, const std::filesystem::path& program,
                                     const InputOptions& o) {
  std::vector<Array> arrays;
  if (!is_bundle(program)) {
    if (!o.test_case) return arrays;
    return fail(ErrorCode::kInvalidArgument, "--case {}: {} is no bundled program with test cases",
                *o.test_case, program.string());
  }
  SMELT_ASSIGN(const BundledCases bundle, BundledCases::open(program));
  size_t cases = 0;
  for (const BundledCases::Case& c : bundle.cases()) {
    if (c.method != method.info().name || cases++ != o.test_case.value_or(0)) continue;
    for (const Value& v : c.inputs) {
      SMELT_ASSIGN(Array a, to_array(v));
      arrays.push_back(std::move(a));
    }
    return arrays;
  }
  if (!o.test_case) return arrays;
  return fail(ErrorCode::kInvalidArgument, "--case {}: {} has {} test cases for {}", *o.test_case,
              program.string(), cases, method.info().name);
}

}  // namespace

Result<Inputs> make_inputs(const Method& method, const std::filesystem::path& program,
                           const InputOptions& o, std::vector<std::string>& notes) {
  const std::span<const ValueInfo> infos = method.inputs();
  const std::vector<std::string>& given = o.given;
  const uint64_t seed = o.seed;
  if (given.size() > infos.size()) {
    return fail(ErrorCode::kInvalidArgument, "{} inputs were given, the method has {}",
                given.size(), infos.size());
  }
  SMELT_ASSIGN(const std::vector<Array> recorded, read_case(method, program, o));
  Inputs inputs;
  std::mt19937_64 engine(seed);
  for (size_t i = 0; i < infos.size(); ++i) {
    const ValueInfo& info = infos[i];
    if (i < given.size()) {
      SMELT_ASSIGN(const Value scalar, parse_scalar(given[i]));
      if (scalar.is_none()) {
        SMELT_ASSIGN(const Array array, read_array(given[i]));
        SMELT_TRY(inputs.add(info, array, fmt::format("input {} ({})", i, given[i])));
      } else if (kind_of(scalar) == info.kind) {
        inputs.values.push_back(scalar);
      } else if (info.kind == ValueKind::kDouble && scalar.integer() != nullptr) {
        inputs.values.emplace_back(double(*scalar.integer()));
      } else if (const auto array =
                     info.kind == ValueKind::kTensor ? one_element(scalar, info) : std::nullopt) {
        SMELT_TRY(inputs.add(info, *array, fmt::format("input {} ({})", i, given[i])));
      } else {
        return fail(ErrorCode::kInvalidArgument, "input {}: expected {}, got {}", i, describe(info),
                    given[i]);
      }
      continue;
    }
    const std::string what = fmt::format("input {}", i);
    if (i < recorded.size()) {
      SMELT_TRY(inputs.add(info, recorded[i], what));
      notes.push_back(fmt::format("{}: {}, of test case {}", what,
                                  describe(recorded[i].dtype, recorded[i].shape),
                                  o.test_case.value_or(0)));
      continue;
    }
    if (info.kind == ValueKind::kTensor && info.dynamism != Dynamism::kUnbounded) {
      SMELT_TRY(inputs.add(info, random_array(info, engine), what));
      notes.push_back(
          fmt::format("{}: {}, random (seed {})", what, describe(info.dtype, info.shape), seed));
    } else if (info.kind == ValueKind::kNone) {
      inputs.values.emplace_back();
    } else {
      return fail(ErrorCode::kInvalidArgument, "{}: {} has to be given with --input", what,
                  describe(info));
    }
  }
  return inputs;
}

}  // namespace smelt::cli
