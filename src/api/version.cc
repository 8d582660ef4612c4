#include "smelt/smelt.hpp"

namespace smelt {

std::string_view version() noexcept { return SMELT_VERSION; }

}  // namespace smelt
