// The C++ API: Program and Method.
#include <algorithm>
#include <cstdlib>
#include <new>
#include <system_error>
#include <utility>
#include <vector>

#include "base/status.h"
#include "format/ptd/external_data.h"
#include "format/pte/program_file.h"
#include "platform/cpu.h"
#include "program/method.h"
#include "smelt/smelt.hpp"

namespace smelt {

struct Program::Impl {
  std::shared_ptr<const program::ProgramSource> source;
  Cpu cpu;
  unsigned workers = 0;
};

struct Method::Impl {
  std::unique_ptr<program::LoadedMethod> method;
  /// Per output: the memory that the last run handed out, if it was the method's, and the memory
  /// that the caller brought.
  std::vector<const void*> handed_out, brought;
};

namespace {

/// Runs f() -> Result or Status. Containers below say that memory is out by std::bad_alloc; here it
/// becomes an error.
template <class F>
auto without_exceptions(F f) -> decltype(f()) {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    // So short that the string needs no memory.
    return tl::unexpected(Error{ErrorCode::kOutOfMemory, "out of memory"});
  } catch (const std::system_error& e) {  // threads that the system does not give
    return fail(ErrorCode::kOutOfMemory, "cannot start threads: {}", e.code().message());
  }
}

/// $SMELT_ISA restricts programs whose caller has no opinion.
Result<Cpu> detect_cpu(const std::string& isa) {
  if (!isa.empty()) return Cpu::detect(isa);
  const char* mask = std::getenv("SMELT_ISA");
  if (mask == nullptr) return Cpu::detect();
  auto cpu = Cpu::detect(mask);
  if (!cpu) return prefixed(std::move(cpu).error(), "SMELT_ISA");
  return cpu;
}

/// `open` gives the file; options are checked first, because they are wrong for every file.
template <class Open>
Result<Program::Impl> load_program(const LoadOptions& options, Open open) {
  if (options.threads > kMaxThreads) {
    return fail(ErrorCode::kInvalidArgument, "{} threads; at most {}", options.threads,
                kMaxThreads);
  }
  SMELT_ASSIGN(Cpu cpu, options.cpu.empty() ? detect_cpu(options.isa) : Cpu::describe(options.cpu));
  SMELT_ASSIGN(ProgramFile file, open());
  std::vector<ExternalData> external;
  for (const auto& path : options.external_data) {
    SMELT_ASSIGN(ExternalData data, ExternalData::open(path));
    external.push_back(std::move(data));
  }
  auto source = std::make_shared<const program::ProgramSource>(
      program::ProgramSource{std::move(file), std::move(external)});
  return Program::Impl{std::move(source), std::move(cpu), options.threads};
}

}  // namespace

Program::Program(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Result<Program> Program::load(const std::filesystem::path& path, LoadOptions options) {
  return without_exceptions([&]() -> Result<Program> {
    SMELT_ASSIGN(Impl impl, load_program(options, [&] { return ProgramFile::open(path); }));
    return Program(std::make_shared<const Impl>(std::move(impl)));
  });
}

Result<Program> Program::load(std::span<const std::byte> data, LoadOptions options) {
  return without_exceptions([&]() -> Result<Program> {
    SMELT_ASSIGN(Impl impl, load_program(options, [&] {
                   return ProgramFile::parse(data, "program in memory");
                 }));
    return Program(std::make_shared<const Impl>(std::move(impl)));
  });
}

std::vector<std::string> Program::method_names() const {
  const ProgramFile& file = impl_->source->file;
  std::vector<std::string> names;
  for (size_t i = 0; i < file.plan_count(); ++i) names.push_back(file.plan(i).name()->str());
  return names;
}

Result<Method> Program::method(std::string_view name) const {
  return without_exceptions([&]() -> Result<Method> {
    SMELT_ASSIGN(auto method,
                 program::LoadedMethod::load(impl_->source, name, impl_->cpu, impl_->workers));
    const size_t outputs = method->info().outputs.size();
    return Method(std::make_unique<Method::Impl>(Method::Impl{
        std::move(method), std::vector<const void*>(outputs), std::vector<const void*>(outputs)}));
  });
}

Method::Method(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Method::Method(Method&&) noexcept = default;
Method& Method::operator=(Method&&) noexcept = default;
Method::~Method() = default;

std::span<const ValueInfo> Method::inputs() const { return info().inputs; }
std::span<const ValueInfo> Method::outputs() const { return info().outputs; }
const MethodInfo& Method::info() const { return impl_->method->info(); }

Status Method::run(std::span<const Value> inputs, std::span<Value> outputs) {
  auto& [method, handed_out, brought] = *impl_;
  const size_t n = std::min(outputs.size(), handed_out.size());
  for (size_t i = 0; i < n; ++i) {
    const TensorView* t = outputs[i].tensor();
    brought[i] = t == nullptr || t->data == handed_out[i] ? nullptr : t->data;
    if (brought[i] == nullptr) outputs[i] = Value();
  }
  SMELT_TRY(without_exceptions([&] { return method->run(inputs, outputs); }));
  for (size_t i = 0; i < n; ++i) {
    const TensorView* t = outputs[i].tensor();
    handed_out[i] = t == nullptr || brought[i] != nullptr ? nullptr : t->data;
  }
  return {};
}

void Method::reset() { impl_->method->reset(); }

std::vector<StepInfo> Method::explain() const { return impl_->method->explain(); }

Status Method::start_profile(size_t max_times) {
  return without_exceptions([&]() -> Status {
    impl_->method->start_profile(max_times);
    return {};
  });
}

Profile Method::stop_profile() { return impl_->method->stop_profile(); }

}  // namespace smelt
