#include "printable.h"

#include <fmt/format.h>

namespace smelt::cli {

namespace {

// Bytes of the UTF-8 sequence that begins `text`; 0 if it begins with none. Overlong forms and
// surrogates are not told apart: terminals replace them.
size_t sequence_length(std::string_view text) {
  const auto lead = uint8_t(text[0]);
  const size_t length = lead < 0x80    ? 1
                        : lead >= 0xf5 ? 0
                        : lead >= 0xf0 ? 4
                        : lead >= 0xe0 ? 3
                        : lead >= 0xc2 ? 2
                                       : 0;
  if (length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((uint8_t(text[i]) & 0xc0) != 0x80) return 0;
  return length;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = sequence_length(text);
    const auto lead = uint8_t(text[0]);
    if (length == 0 || (lead < 0x20 && lead != '\n') || lead == 0x7f) {
      out += fmt::format("\\x{:02x}", lead);
      text.remove_prefix(1);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return out;
}

}  // namespace smelt::cli
