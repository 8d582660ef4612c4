// Steps of a method and their times, as tables and as JSON: what explain, profile and bench have in
// common.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "roofline.h"
#include "smelt/smelt.hpp"

namespace smelt::cli {

/// How something is shared between the units, in [0, 1]; all 0 where there is none of it.
struct UnitShares {
  double matrix = 0, simd = 0, plain = 0;
  double total = 0;
};
/// Of the multiply-accumulates.
UnitShares mac_shares(std::span<const StepInfo>);
/// "1.2 G MACs: 98.1 % on the matrix unit, 1.9 % SIMD, 0.0 % plain code", and a line for products
/// that stayed float although the model was quantised.
std::string summary(std::span<const StepInfo>);

nlohmann::ordered_json to_json(const StepInfo&);
/// {"nodes": […], "summary": {…}}
nlohmann::ordered_json to_json(std::span<const StepInfo>);

/// 0 of none.
double median(std::vector<double>);

/// What a step took over the runs of a profile.
struct StepTime {
  size_t step = 0;       ///< index in Profile::steps
  size_t calls = 0;      ///< per run
  double median_us = 0;  ///< of a run, all calls
  double share = 0;      ///< of the medians of all steps
  double gflops = 0;     ///< 2 per MAC; 0 without MACs
  double gbytes = 0;     ///< operands and results per second: 1e9 bytes
  double roof = 0;       ///< the least time that the machine needs, as a share of that taken
  double busy = 0;       ///< of the time that all workers had, what they computed
};
/// One for each step that ran, in the order of the steps.
std::vector<StepTime> step_times(const Profile&, const Roofs&);
/// Of the time, as the medians of the steps have it.
UnitShares time_shares(const Profile&, std::span<const StepTime>);

/// A recorded run: its steps are Profile::times [first, last), and it is the time at `last` itself.
struct RecordedRun {
  size_t first = 0, last = 0;
  double us = 0;
};
/// The run that took the median of all recorded ones: of an even number, the faster one of the
/// two in the middle. None was recorded: all zero.
RecordedRun median_run(const Profile&);

/// The same, times for people; then what they add up to, by category and by unit.
void print_times(const Profile&, std::span<const StepTime>);
nlohmann::ordered_json to_json(const Profile&, const Roofs&, std::span<const StepTime>);

}  // namespace smelt::cli
