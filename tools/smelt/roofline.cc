#include "roofline.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include <fmt/format.h>

#include "author/pte_writer.h"
#include "author/recipes.h"
#include "cpu.h"
#include "platform/memory.h"
#include "platform/threads.h"

namespace smelt::cli {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

// Long enough for the frequency of a core to settle, short enough for nobody to notice.
constexpr auto kBudget = 20ms;
constexpr int kLeastRuns = 3;

/// The least time of f() among those that fit into the budget, in seconds.
template <class F>
double least_time(F f) {
  auto best = Clock::duration::max();
  const auto end = Clock::now() + kBudget;
  for (int i = 0; i < kLeastRuns || Clock::now() < end; ++i) {
    const auto begin = Clock::now();
    f();
    best = std::min(best, Clock::now() - begin);
  }
  return std::max(1e-9, std::chrono::duration<double>(best).count());
}

constexpr RecipeVariant kProducts[] = {RecipeVariant::kF32, RecipeVariant::kF16,
                                       RecipeVariant::kPqs8Qc8w};

/// Operations per second of the fastest node of a program that is one product. Its operands fit
/// into an L2 cache, and its extents are multiples of every tile's.
Result<double> product_rate(RecipeVariant variant, unsigned threads) {
  const LinearRecipe recipe{.variant = variant, .m = 96, .n = 256, .k = 256};
  SMELT_ASSIGN(const Graph graph, make_linear(recipe));
  SMELT_ASSIGN(const std::vector<std::byte> file, write_pte(graph));
  SMELT_ASSIGN(AlignedBuffer bytes, AlignedBuffer::allocate(file.size()));
  std::memcpy(bytes.data(), file.data(), file.size());
  SMELT_ASSIGN(const Program program,
               Program::load(bytes.bytes(), {.threads = threads, .isa = {}, .external_data = {}}));
  SMELT_ASSIGN(Method method, program.method());
  const ValueInfo& input = method.inputs()[0];
  SMELT_ASSIGN(AlignedBuffer x,
               AlignedBuffer::allocate(input.shape.numel() * bits(input.dtype) / 8, true));
  TensorView view;
  view.data = x.data();
  view.bytes = x.size();
  view.dtype = input.dtype;
  view.shape = input.shape;
  const Value in[] = {view};
  Value out[1];
  SMELT_TRY(method.run(in, out));
  SMELT_TRY(method.start_profile(size_t(1) << 14));
  Status ran;
  least_time([&] {
    if (ran) ran = method.run(in, out);
  });
  if (!ran) return tl::unexpected(ran.error());
  const Profile profile = method.stop_profile();
  double best = 0;
  for (const ZoneTime& t : profile.times) {
    const Zone& zone = profile.zones[t.zone];
    if (zone.kind != Zone::Kind::kStep || t.end_ns == t.begin_ns) continue;
    best =
        std::max(best, 2e9 * double(profile.steps[zone.step].macs) / double(t.end_ns - t.begin_ns));
  }
  return best;
}

/// Bytes per second that copies read and write, each worker in `bytes` of its own.
Result<double> copy_rate(ThreadPool& pool, size_t bytes) {
  const size_t half = bytes / 2;
  SMELT_ASSIGN(AlignedBuffer buffer, AlignedBuffer::allocate(bytes * pool.workers(), true));
  // At least 4 MiB per worker and measurement: starting the workers is not what is measured.
  const size_t repeat = std::max<size_t>(1, (size_t(4) << 20) / bytes);
  const double seconds = least_time([&] {
    pool.parallel_for(pool.workers(), 1, [&](size_t piece, size_t, unsigned) {
      std::byte* own = buffer.data() + piece * bytes;
      for (size_t i = 0; i < repeat; ++i) {
        std::memcpy(own + half * (i % 2), own + half * (1 - i % 2), half);
        asm volatile("" : : "r"(own) : "memory");  // every copy is made
      }
    });
  });
  return double(2 * half * repeat * pool.workers()) / seconds;
}

}  // namespace

std::string_view name(Arithmetic a) {
  constexpr std::string_view kNames[] = {"float32", "float16", "int8", "other"};
  return kNames[size_t(a)];
}

Arithmetic arithmetic_of(std::string_view variant) {
  const auto has = [&](std::string_view part) { return variant.find(part) != variant.npos; };
  if (variant.empty() || has("bf16")) return Arithmetic::kOther;
  if (has("qs8") || has("qp8") || has("qc8") || has("qd8")) return Arithmetic::kInt8;
  return has("f16") ? Arithmetic::kFloat16 : has("f32") ? Arithmetic::kFloat32 : Arithmetic::kOther;
}

size_t Roofs::level_of(const StepInfo& step) const {
  const auto holds = [&](const Level& l) { return step.bytes <= l.bytes; };
  return size_t(std::ranges::find_if(levels, holds) - levels.begin());
}

double Roofs::least_seconds(const StepInfo& step) const {
  const auto arithmetic = size_t(arithmetic_of(step.variant));
  const double gbytes = levels[level_of(step)].gbytes;
  double seconds = gbytes > 0 ? double(step.bytes) / gbytes / 1e9 : 0;
  if (arithmetic < gops.size() && gops[arithmetic] > 0)
    seconds = std::max(seconds, 2 * double(step.macs) / gops[arithmetic] / 1e9);
  return seconds;
}

Roofs measure_roofs(const Profile& profile) {
  Roofs roofs;
  for (const StepInfo& step : profile.steps) {
    const auto arithmetic = size_t(arithmetic_of(step.variant));
    if (step.macs == 0 || arithmetic >= roofs.gops.size() || roofs.gops[arithmetic] != 0) continue;
    // A roof that cannot be measured is left out; it is no reason to lose the profile.
    roofs.gops[arithmetic] = product_rate(kProducts[arithmetic], profile.workers).value_or(0) / 1e9;
  }
  const auto pool = ThreadPool::create(profile.workers);
  const auto cpu = find_cpu("");
  const size_t caches[] = {cpu ? cpu->l1d_bytes : size_t(32) << 10,
                           cpu ? cpu->l2_bytes : size_t(1) << 20};
  for (size_t i = 0; i < roofs.levels.size(); ++i) {
    Roofs::Level& level = roofs.levels[i];
    const bool cache = i < std::size(caches);
    if (cache) level.bytes = caches[i] * profile.workers;
    level.gbytes = copy_rate(*pool, cache ? caches[i] / 2 : size_t(64) << 20).value_or(0) / 1e9;
  }
  // On a machine that does other things as well, a measurement of 20 ms may be worse than what a
  // step has already reached.
  for (const ZoneTime& t : profile.times) {
    const Zone& zone = profile.zones[t.zone];
    if (zone.kind != Zone::Kind::kStep || t.end_ns <= t.begin_ns) continue;
    const StepInfo& step = profile.steps[zone.step];
    const double ns = double(t.end_ns - t.begin_ns);
    const auto arithmetic = size_t(arithmetic_of(step.variant));
    if (arithmetic < roofs.gops.size())
      roofs.gops[arithmetic] = std::max(roofs.gops[arithmetic], 2 * double(step.macs) / ns);
    Roofs::Level& level = roofs.levels[roofs.level_of(step)];
    if (const double gbytes = double(step.bytes) / ns; gbytes > level.gbytes) {
      level.gbytes = gbytes;
      level.reached = true;
    }
  }
  return roofs;
}

nlohmann::ordered_json to_json(const Roofs& roofs) {
  using Json = nlohmann::ordered_json;
  Json j;
  for (size_t i = 0; i < roofs.gops.size(); ++i)
    if (roofs.gops[i] > 0) j[fmt::format("{}_gops", name(Arithmetic(i)))] = roofs.gops[i];
  for (const Roofs::Level& level : roofs.levels) {
    Json l = {{"name", level.name}, {"gbytes_per_s", level.gbytes}, {"reached", level.reached}};
    if (level.bytes != SIZE_MAX) l["bytes"] = level.bytes;
    j["levels"].push_back(std::move(l));
  }
  return j;
}

}  // namespace smelt::cli
