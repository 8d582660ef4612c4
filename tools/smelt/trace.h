// A profile as a Chrome trace: chrome://tracing and ui.perfetto.dev open it.
#pragma once

#include <nlohmann/json.hpp>

#include "smelt/smelt.hpp"

namespace smelt::cli {

/// Times in microseconds since the profile began; runs, delegate calls and steps are nested.
nlohmann::ordered_json to_trace(const Profile&);

}  // namespace smelt::cli
