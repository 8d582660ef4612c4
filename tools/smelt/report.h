// A profile, or a comparison of two, as one page for a browser: nothing is loaded from elsewhere.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "steps.h"

namespace smelt::cli {

/// What a profile is of.
struct ReportOf {
  std::string title;  ///< program and method
  std::string cpu;    ///< the tiers that kernels were chosen from
  size_t runs = 0;
};

/// A profile. kIo.
Status write_report(const std::filesystem::path&, const ReportOf&, const Profile&, const Roofs&,
                    std::span<const StepTime>);
/// What `smelt compare --json` gives. kIo.
Status write_comparison(const std::filesystem::path&, const nlohmann::ordered_json& comparison);

}  // namespace smelt::cli
