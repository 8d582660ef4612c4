// Text from a file, made safe for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace smelt::cli {

/// Control characters and bytes that are no UTF-8 become \xNN: names in a hostile file must not
/// move the cursor.
std::string printable(std::string_view text);

}  // namespace smelt::cli
