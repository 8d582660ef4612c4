// A profile as one page for a browser: nothing is loaded from elsewhere.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "steps.h"

namespace smelt::cli {

/// The page; `title` names the program and the method. kIo.
Status write_report(const std::filesystem::path&, const std::string& title, const Profile&, const Roofs&,
                    std::span<const StepTime>);

}  // namespace smelt::cli
