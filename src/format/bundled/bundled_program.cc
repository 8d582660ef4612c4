#include "format/bundled/bundled_program.h"

#include <optional>

#include "bundled_generated.h"
#include "format/flatbuffer.h"
#include "format/pte/scalar_type.h"
#include "tensor/shape.h"

namespace smelt {
namespace {

Result<const bundled::BundledProgram*> root_of(std::span<const std::byte> file,
                                               std::string_view name) {
  const auto* root =
      verified_root<bundled::BundledProgram>(file, bundled::BundledProgramIdentifier());
  if (root == nullptr) {
    return FieldPath(name).invalid(
        "the bundled program of {} bytes is truncated or corrupt: not a well-formed flatbuffer",
        file.size());
  }
  return root;
}

/// Reads the values of the cases, and proves what the verifier does not.
class CaseReader {
 public:
  explicit CaseReader(size_t bytes) : budget_(bytes) {}

  using Cases = flatbuffers::Vector<flatbuffers::Offset<bundled::TestCase>>;
  using Values = flatbuffers::Vector<flatbuffers::Offset<bundled::Value>>;

  Status cases(const Cases* from, std::string_view method, const FieldPath& suite,
               std::vector<BundledCases::Case>& into) {
    SMELT_TRY(budget_.take(from, suite.field("test_cases")));
    for (uint32_t i = 0; i < length(from); ++i) {
      const FieldPath path = suite.item("test_cases", i);
      BundledCases::Case& c = into.emplace_back();
      c.method = method;
      c.index = i;
      SMELT_TRY(values(from->Get(i)->inputs(), "inputs", path, c.inputs));
      SMELT_TRY(values(from->Get(i)->expected_outputs(), "expected_outputs", path, c.outputs));
    }
    return {};
  }

 private:
  Status values(const Values* from, std::string_view field, const FieldPath& path,
                std::vector<Value>& into) {
    SMELT_TRY(budget_.take(from, path.field(field)));
    for (uint32_t i = 0; i < length(from); ++i) {
      const FieldPath item = path.item(field, i);
      const bundled::Value& v = *from->Get(i);
      if (const auto* t = v.val_as_Tensor()) {
        SMELT_ASSIGN(const TensorView view, tensor(*t, item));
        into.emplace_back(view);
      } else if (const auto* n = v.val_as_Int()) {
        into.emplace_back(n->value());
      } else if (const auto* d = v.val_as_Double()) {
        into.emplace_back(d->value());
      } else if (const auto* b = v.val_as_Bool()) {
        into.emplace_back(b->value());
      } else {
        return item.field("val").invalid("is of no known type ({})", int(v.val_type()));
      }
    }
    return {};
  }

  Result<TensorView> tensor(const bundled::Tensor& t, const FieldPath& path) {
    TensorView view;
    const std::optional<DType> dtype = to_dtype(t.scalar_type());
    if (!dtype) return path.field("scalar_type").unsupported("is {}", int(t.scalar_type()));
    view.dtype = *dtype;
    SMELT_TRY(budget_.take(t.sizes(), path.field("sizes")));
    if (length(t.sizes()) > kMaxRank)
      return path.field("sizes").invalid("has {} items; at most {}", t.sizes()->size(), kMaxRank);
    for (uint32_t d = 0; d < length(t.sizes()); ++d) {
      if (t.sizes()->Get(d) < 0)
        return path.item("sizes", d).invalid("is {}; must be 0 or more", t.sizes()->Get(d));
      view.shape.push_back(t.sizes()->Get(d));
    }
    if (!checked_numel(view.shape))
      return path.field("sizes").invalid("is {}, more than can be addressed",
                                         to_string(view.shape));
    SMELT_TRY(order(t, view, path));
    SMELT_TRY(budget_.take(t.data(), path.field("data")));
    view.bytes = dense_bytes(view.dtype, view.shape);
    if (length(t.data()) < view.bytes) {
      return path.field("data").invalid("has {} bytes, but {} {} needs {}", length(t.data()),
                                        name(view.dtype), to_string(view.shape), view.bytes);
    }
    if (view.bytes != 0) {
      view.data = const_cast<uint8_t*>(t.data()->Data());
      if (!is_aligned(view.data, bits(view.dtype) / 8))
        return path.field("data").invalid("is not aligned to its elements of {} bytes",
                                          bits(view.dtype) / 8);
    }
    return view;
  }

  /// Absent: as in the shape.
  Status order(const bundled::Tensor& t, TensorView& view, const FieldPath& path) {
    if (length(t.dim_order()) == 0) return {};
    SMELT_TRY(budget_.take(t.dim_order(), path.field("dim_order")));
    uint32_t seen = 0;
    for (const uint8_t d : *t.dim_order()) {
      if (d >= view.shape.rank() || (seen >> d & 1) != 0 ||
          t.dim_order()->size() != view.shape.rank())
        return path.field("dim_order").invalid("is no order of {} dimensions", view.shape.rank());
      seen |= 1u << d;
      view.dim_order.push_back(d);
    }
    return {};
  }

  ReadBudget budget_;
};

}  // namespace

bool is_bundled(std::span<const std::byte> file) {
  return file.size() >= 8 &&
         bundled::BundledProgramBufferHasIdentifier(reinterpret_cast<const uint8_t*>(file.data()));
}

Result<std::span<const std::byte>> program_in_bundle(std::span<const std::byte> file,
                                                     std::string_view name) {
  SMELT_ASSIGN(const bundled::BundledProgram* root, root_of(file, name));
  if (length(root->program()) == 0) return FieldPath(name).field("program").invalid("is empty");
  return std::span(reinterpret_cast<const std::byte*>(root->program()->Data()),
                   root->program()->size());
}

Result<BundledCases> BundledCases::open(const std::filesystem::path& path) {
  BundledCases b;
  SMELT_ASSIGN(b.file_, MappedFile::open(path));
  SMELT_TRY(b.read(b.file_.bytes(), path.string()));
  return b;
}

Result<BundledCases> BundledCases::parse(std::span<const std::byte> bytes, std::string_view name) {
  if (!is_aligned(bytes.data(), kFlatbufferAlignment)) {
    return fail(ErrorCode::kInvalidArgument, "{}: the file's memory is not aligned to {} bytes",
                name, kFlatbufferAlignment);
  }
  BundledCases b;
  SMELT_TRY(b.read(bytes, name));
  return b;
}

Status BundledCases::read(std::span<const std::byte> bytes, std::string_view name) {
  SMELT_ASSIGN(const bundled::BundledProgram* from, root_of(bytes, name));
  const FieldPath root(name);
  const auto* suites = from->method_test_suites();
  CaseReader reader(bytes.size());
  for (uint32_t i = 0; i < length(suites); ++i) {
    const FieldPath path = root.item("method_test_suites", i);
    const bundled::TestSuite& suite = *suites->Get(i);
    if (suite.method_name() == nullptr) return path.field("method_name").invalid("is missing");
    SMELT_TRY(reader.cases(suite.test_cases(), view(suite.method_name()), path, cases_));
  }
  return {};
}

}  // namespace smelt
