#include "manifest.h"

#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "json_file.h"

namespace smelt::cli {
namespace {

using Json = nlohmann::json;

/// A JSON value and the way to it, for messages.
struct Node {
  const Json& json;
  const std::filesystem::path& manifest;
  std::string where;

  std::string child(std::string_view key) const {
    return where.empty() ? std::string(key) : fmt::format("{}.{}", where, key);
  }
};

tl::unexpected<Error> wrong(const std::filesystem::path& manifest, std::string_view where,
                            std::string_view what) {
  return fail(ErrorCode::kInvalidFile, "{}: {}: {}", manifest.string(), where, what);
}

bool is(const Json& j, std::string*) { return j.is_string(); }
bool is(const Json& j, bool*) { return j.is_boolean(); }
bool is(const Json& j, double*) { return j.is_number(); }
bool is(const Json& j, int64_t*) { return j.is_number_integer(); }
constexpr const char* type_of(std::string*) { return "a string"; }
constexpr const char* type_of(bool*) { return "true or false"; }
constexpr const char* type_of(double*) { return "a number"; }
constexpr const char* type_of(int64_t*) { return "an integer"; }

/// The value of `key`. `fallback`, if there is one, is what an absent key means.
template <class T>
Result<T> field(const Node& n, const char* key, const T* fallback = nullptr) {
  const auto it = n.json.find(key);
  if (it == n.json.end()) {
    if (fallback != nullptr) return *fallback;
    return wrong(n.manifest, n.child(key), "missing");
  }
  if (!is(*it, static_cast<T*>(nullptr))) {
    return wrong(n.manifest, n.child(key),
                 fmt::format("expected {}", type_of(static_cast<T*>(nullptr))));
  }
  return it->get<T>();
}

template <class T>
Result<T> field_or(const Node& n, const char* key, const T& fallback) {
  return field<T>(n, key, &fallback);
}

Result<const Json*> array(const Node& n, const char* key) {
  const auto it = n.json.find(key);
  if (it == n.json.end()) return wrong(n.manifest, n.child(key), "missing");
  if (!it->is_array()) return wrong(n.manifest, n.child(key), "expected a list");
  return &*it;
}

/// Calls f(Node) -> Status for each item of the list `key`, each of which has to be an object.
template <class F>
Status for_each_object(const Node& n, const char* key, F f) {
  SMELT_ASSIGN(const Json* const list, array(n, key));
  for (size_t i = 0; i < list->size(); ++i) {
    const Node item{(*list)[i], n.manifest, fmt::format("{}[{}]", n.child(key), i)};
    if (!item.json.is_object()) return wrong(n.manifest, item.where, "expected an object");
    SMELT_TRY(f(item));
  }
  return {};
}

Result<ManifestTensor> read_manifest_tensor(const Node& n) {
  ManifestTensor t;
  t.where = n.where;
  SMELT_ASSIGN(const std::string file, field<std::string>(n, "file"));
  t.file = n.manifest.parent_path() / file;
  SMELT_ASSIGN(t.dtype, field<std::string>(n, "dtype"));
  SMELT_ASSIGN(const Json* const shape, array(n, "shape"));
  if (shape->size() > kMaxRank) {
    return wrong(n.manifest, n.child("shape"), fmt::format("more than {} extents", kMaxRank));
  }
  for (const Json& extent : *shape) {
    if (!extent.is_number_integer() || extent.get<int64_t>() < 0) {
      return wrong(n.manifest, n.child("shape"), "expected integers of at least 0");
    }
    t.shape.push_back(extent.get<int64_t>());
  }
  return t;
}

Result<ManifestEntry::Step> read_step(const Node& n, const std::string& method) {
  ManifestEntry::Step step;
  SMELT_ASSIGN(step.method, field_or<std::string>(n, "method", method));
  for (auto [key, tensors] :
       {std::pair("inputs", &step.inputs), std::pair("outputs", &step.outputs)}) {
    SMELT_TRY(for_each_object(n, key, [&](const Node& item) -> Status {
      SMELT_ASSIGN(ManifestTensor t, read_manifest_tensor(item));
      tensors->push_back(std::move(t));
      return {};
    }));
  }
  return step;
}

Result<ManifestEntry> read_entry(const Node& n) {
  ManifestEntry e;
  e.where = n.where;
  SMELT_ASSIGN(e.name, field<std::string>(n, "name"));
  SMELT_ASSIGN(e.group, field_or<std::string>(n, "group", ""));
  SMELT_ASSIGN(const std::string method, field_or<std::string>(n, "method", "forward"));
  SMELT_ASSIGN(e.stateful, field_or<bool>(n, "stateful", false));
  SMELT_ASSIGN(e.tolerance.atol, field<double>(n, "atol"));
  SMELT_ASSIGN(e.tolerance.rtol, field<double>(n, "rtol"));
  SMELT_ASSIGN(const std::string program, field<std::string>(n, "program"));
  e.program = n.manifest.parent_path() / program;
  if (n.json.contains("external_data")) {
    SMELT_ASSIGN(const Json* const files, array(n, "external_data"));
    for (const Json& file : *files) {
      if (!file.is_string())
        return wrong(n.manifest, n.child("external_data"), "expected a list of strings");
      e.external_data.push_back(n.manifest.parent_path() / file.get<std::string>());
    }
  }
  SMELT_TRY(for_each_object(n, "steps", [&](const Node& item) -> Status {
    SMELT_ASSIGN(ManifestEntry::Step step, read_step(item, method));
    e.steps.push_back(std::move(step));
    return {};
  }));
  return e;
}

}  // namespace

Result<std::vector<ManifestEntry>> read_manifest(const std::filesystem::path& path) {
  SMELT_ASSIGN(const Json json, read_json(path));
  const Node root{json, path, ""};
  if (!json.is_object())
    return fail(ErrorCode::kInvalidFile, "{}: expected an object", path.string());
  SMELT_ASSIGN(const int64_t format, field<int64_t>(root, "format"));
  if (format != 1)
    return wrong(path, "format", fmt::format("{} is not supported, only 1 is", format));
  std::vector<ManifestEntry> entries;
  SMELT_TRY(for_each_object(root, "entries", [&](const Node& item) -> Status {
    SMELT_ASSIGN(ManifestEntry e, read_entry(item));
    entries.push_back(std::move(e));
    return {};
  }));
  return entries;
}

Status check_files(const std::filesystem::path& manifest, const ManifestEntry& e) {
  const auto check = [&](const std::string& where, const std::filesystem::path& file) -> Status {
    std::error_code error;
    if (std::filesystem::is_regular_file(file, error)) return {};
    return fail(ErrorCode::kNotFound, "{}: {}: {} does not exist", manifest.string(), where,
                file.string());
  };
  SMELT_TRY(check(e.where + ".program", e.program));
  for (const auto& file : e.external_data) SMELT_TRY(check(e.where + ".external_data", file));
  for (const auto& step : e.steps) {
    for (const auto* tensors : {&step.inputs, &step.outputs}) {
      for (const auto& t : *tensors) SMELT_TRY(check(t.where + ".file", t.file));
    }
  }
  return {};
}

Result<Array> read_tensor(const ManifestTensor& t) {
  if (!t.value.is_none()) return to_array(t.value);
  SMELT_ASSIGN(Array a, read_array(t.file));
  if (t.dtype == name(DType::kBF16) && a.dtype == DType::kU16) a.dtype = DType::kBF16;
  if (name(a.dtype) != t.dtype || a.shape != t.shape) {
    return fail(ErrorCode::kInvalidFile, "{}: holds {}, but the manifest says {} [{}]",
                t.file.string(), describe(a.dtype, a.shape), t.dtype,
                fmt::join(t.shape.dims(), ", "));
  }
  return a;
}

}  // namespace smelt::cli
