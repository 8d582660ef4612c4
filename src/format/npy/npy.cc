#include "format/npy/npy.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/checked.h"
#include "format/bytes.h"
#include "format/recognise.h"
#include "platform/file.h"
#include "tensor/shape.h"

namespace smelt {
namespace {

// A file is: "\x93NUMPY", a major and a minor version, the length of the header (u16 in version 1,
// u32 after), the header, the elements. The header is the text of a Python dictionary:
// {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
constexpr std::string_view kMagic = "\x93NUMPY";

struct Header {
  DType dtype;
  bool swapped = false;  ///< big-endian
  bool fortran_order = false;
  Shape shape;
};

/// Reads the dictionary: just enough of Python's syntax for what NumPy writes, in any order and
/// spacing.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : rest_(text) {}

  Result<Header> parse() {
    Header h{};
    bool descr = false, order = false, shape = false;
    if (!eat('{')) return syntax("'{'");
    while (!eat('}')) {
      SMELT_ASSIGN(const std::string_view key, string());
      if (!eat(':')) return syntax("':'");
      if (key == "descr" && !descr) {
        descr = true;
        skip_space();
        if (rest_.starts_with('['))
          return fail(ErrorCode::kUnsupported, "descr is a list: records are not supported");
        SMELT_ASSIGN(const std::string_view type, string());
        SMELT_TRY(set_type(type, h));
      } else if (key == "fortran_order" && !order) {
        order = true;
        if (eat("True")) {
          h.fortran_order = true;
        } else if (!eat("False")) {
          return syntax("True or False");
        }
      } else if (key == "shape" && !shape) {
        shape = true;
        SMELT_TRY(set_shape(h));
      } else {
        return fail(ErrorCode::kInvalidFile, "unknown or repeated key {:?} in the header", key);
      }
      if (!eat(',')) {
        if (!eat('}')) return syntax("',' or '}'");
        break;
      }
    }
    skip_space();
    if (!rest_.empty()) return syntax("the end of the header");
    if (!descr || !order || !shape) {
      return fail(ErrorCode::kInvalidFile, "the header has no {}",
                  !descr   ? "descr"
                  : !order ? "fortran_order"
                           : "shape");
    }
    return h;
  }

 private:
  static tl::unexpected<Error> truncated_quote() {
    return fail(ErrorCode::kInvalidFile, "a string in the header has no end");
  }

  tl::unexpected<Error> syntax(std::string_view expected) const {
    return fail(ErrorCode::kInvalidFile, "expected {} in the header before {:?}", expected,
                rest_.substr(0, 20));
  }
  void skip_space() {
    while (!rest_.empty() &&
           (rest_[0] == ' ' || rest_[0] == '\n' || rest_[0] == '\t' || rest_[0] == '\r')) {
      rest_.remove_prefix(1);
    }
  }
  bool eat(std::string_view token) {
    skip_space();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  bool eat(char c) { return eat(std::string_view(&c, 1)); }

  Result<std::string_view> string() {
    skip_space();
    if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) return syntax("a string");
    const size_t end = rest_.find(rest_[0], 1);
    if (end == std::string_view::npos) return truncated_quote();
    const std::string_view s = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return s;
  }

  static Status set_type(std::string_view type, Header& h) {
    const char order = type.empty() ? 0 : type[0];
    const std::string_view kind = type.substr(std::min<size_t>(1, type.size()));
    constexpr std::pair<std::string_view, DType> kTypes[] = {
        {"b1", DType::kBool}, {"i1", DType::kS8},   {"u1", DType::kU8},  {"i2", DType::kS16},
        {"u2", DType::kU16},  {"i4", DType::kS32},  {"u4", DType::kU32}, {"i8", DType::kS64},
        {"u8", DType::kU64},  {"f2", DType::kF16},  {"f4", DType::kF32}, {"f8", DType::kF64},
        {"c8", DType::kC64},  {"c16", DType::kC128}};
    const auto* found = std::ranges::find(kTypes, kind, &std::pair<std::string_view, DType>::first);
    const bool known_order = order == '<' || order == '>' || order == '|' || order == '=';
    if (found == std::end(kTypes) || !known_order) {
      return fail(
          ErrorCode::kUnsupported,
          "descr is {:?}; supported are bool, integers, floats and complex numbers, up to 8 "
          "bytes per part",
          type);
    }
    h.dtype = found->second;
    h.swapped = order == '>' && bits(h.dtype) > 8;
    return {};
  }

  Status set_shape(Header& h) {
    if (!eat('(')) return syntax("'('");
    while (!eat(')')) {
      skip_space();
      int64_t extent = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), extent);
      if (error != std::errc() || extent < 0) return syntax("an extent");
      rest_.remove_prefix(size_t(end - rest_.data()));
      if (h.shape.rank() == kMaxRank) {
        return fail(ErrorCode::kUnsupported, "shape has more than {} dimensions", kMaxRank);
      }
      h.shape.push_back(extent);
      if (!eat(',')) {
        if (!eat(')')) return syntax("',' or ')'");
        break;
      }
    }
    return {};
  }

  std::string_view rest_;
};

/// Reverses the bytes of each element.
void swap_bytes(std::span<std::byte> bytes, size_t element) {
  for (size_t at = 0; at < bytes.size(); at += element)
    std::ranges::reverse(bytes.subspan(at, element));
}

/// From the first dimension innermost to the last dimension innermost.
void fortran_to_row_major(const std::byte* from, std::byte* to, const Shape& shape,
                          size_t element) {
  const size_t rank = shape.rank(), numel = shape.numel();
  Shape index;
  index.resize(rank, 0);
  std::array<size_t, kMaxRank> stride{};
  size_t step = element;
  for (size_t d = 0; d < rank; ++d) {
    stride[d] = step;
    step *= size_t(shape[d]);
  }
  size_t at = 0;
  for (size_t i = 0; i < numel; ++i) {
    std::memcpy(to + i * element, from + at, element);
    for (size_t d = rank; d-- > 0;) {
      at += stride[d];
      if (++index[d] < shape[d]) break;
      at -= stride[d] * size_t(shape[d]);
      index[d] = 0;
    }
  }
}

Result<NpyArray> parse(std::span<const std::byte> file) {
  if (file.size() < kMagic.size() + 4 ||
      std::memcmp(file.data(), kMagic.data(), kMagic.size()) != 0) {
    const std::string what = recognise(file);
    return fail(ErrorCode::kInvalidFile, "not a .npy file: it {}",
                what.empty() ? "does not begin with \\x93NUMPY" : "is " + what);
  }
  const auto major = uint8_t(file[6]);
  if (major < 1 || major > 3)
    return fail(ErrorCode::kUnsupported, "version {} of .npy; supported are 1 to 3", major);
  const size_t text_at = major == 1 ? 10 : 12;
  if (file.size() < text_at)
    return fail(ErrorCode::kInvalidFile, "truncated in the header: {} bytes", file.size());
  const size_t text_bytes = major == 1 ? load<uint16_t>(file, 8) : load<uint32_t>(file, 8);
  if (!range_fits(text_at, text_bytes, file.size())) {
    return fail(ErrorCode::kInvalidFile, "truncated in the header: {} bytes, expected at least {}",
                file.size(), text_at + text_bytes);
  }
  SMELT_ASSIGN(
      const Header h,
      HeaderParser({reinterpret_cast<const char*>(file.data()) + text_at, text_bytes}).parse());
  if (!checked_numel(h.shape)) {
    return fail(ErrorCode::kInvalidFile, "shape is {}, more than can be addressed",
                to_string(h.shape));
  }
  const std::span<const std::byte> elements = file.subspan(text_at + text_bytes);
  const size_t bytes = dense_bytes(h.dtype, h.shape);
  if (elements.size() != bytes) {
    return fail(ErrorCode::kInvalidFile, "{} bytes of elements, but {} {} has {}", elements.size(),
                name(h.dtype), to_string(h.shape), bytes);
  }
  NpyArray a;
  a.dtype = h.dtype;
  a.shape = h.shape;
  SMELT_ASSIGN(a.data, AlignedBuffer::allocate(bytes));
  if (bytes == 0) return a;
  const size_t element = bits(h.dtype) / 8;
  if (h.fortran_order) {
    fortran_to_row_major(elements.data(), a.data.data(), h.shape, element);
  } else {
    std::memcpy(a.data.data(), elements.data(), bytes);
  }
  const bool pairs = h.dtype == DType::kC64 || h.dtype == DType::kC128;
  if (h.swapped) swap_bytes(a.bytes(), pairs ? element / 2 : element);
  // Any other byte would be undefined as a C++ bool, and NumPy takes every one but 0 as true.
  if (h.dtype == DType::kBool) {
    for (std::byte& b : a.bytes()) b = std::byte(b != std::byte(0));
  }
  return a;
}

std::optional<std::string_view> descr(DType type) {
  switch (type) {
    case DType::kF32:
      return "<f4";
    case DType::kF16:
      return "<f2";
    case DType::kBF16:
    case DType::kU16:
      return "<u2";
    case DType::kF64:
      return "<f8";
    case DType::kS8:
      return "|i1";
    case DType::kU8:
      return "|u1";
    case DType::kS16:
      return "<i2";
    case DType::kS32:
      return "<i4";
    case DType::kU32:
      return "<u4";
    case DType::kS64:
      return "<i8";
    case DType::kU64:
      return "<u8";
    case DType::kBool:
      return "|b1";
    case DType::kC64:
      return "<c8";
    case DType::kC128:
      return "<c16";
    case DType::kC32:  // NumPy has none
    case DType::kU4:
      break;
  }
  return std::nullopt;
}

}  // namespace

Result<NpyArray> read_npy(const std::filesystem::path& path) {
  SMELT_ASSIGN(const MappedFile file, MappedFile::open(path));
  return parse_npy(file.bytes(), path.string());
}

Result<NpyArray> parse_npy(std::span<const std::byte> file, std::string_view name) {
  auto a = parse(file);
  if (!a) return prefixed(std::move(a).error(), name);
  return a;
}

Status write_npy(const std::filesystem::path& path, DType dtype, const Shape& shape,
                 std::span<const std::byte> bytes) {
  const auto type = descr(dtype);
  if (!type)
    return fail(ErrorCode::kInvalidArgument, "{}: .npy has no type for {}", path.string(),
                name(dtype));
  if (!checked_numel(shape) || dense_bytes(dtype, shape) != bytes.size()) {
    return fail(ErrorCode::kInvalidArgument, "{}: {} bytes are not {} {}", path.string(),
                bytes.size(), name(dtype), to_string(shape));
  }
  std::string extents;
  for (int64_t d : shape) extents += fmt::format("{}{}", extents.empty() ? "" : ", ", d);
  if (shape.rank() == 1) extents += ',';
  std::string text =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", *type, extents);
  // Elements start at a multiple of 64, after a newline. 16 extents of 20 characters fit version
  // 1's 65535.
  constexpr size_t kBefore = 10;
  text.append(round_up(kBefore + text.size() + 1, size_t(64)) - kBefore - text.size() - 1, ' ');
  text += '\n';
  std::string head(kMagic);
  head += {'\x01', '\x00', char(text.size() & 0xff), char(text.size() >> 8)};
  head += text;

  return write_file(path, {part(head), bytes}, IfExists::kReplace);
}

}  // namespace smelt
