// What makes a program slower than it has to be, where its user can do something about it.
#pragma once

#include <string>
#include <vector>

#include "options.h"

namespace smelt::cli {

/// A sentence for each kind of thing, the most costly first.
std::vector<std::string> warnings(const Method&, unsigned threads);

/// Prints them to stderr, unless the options say not to.
void warn(const Method&, const ModelOptions&);

}  // namespace smelt::cli
