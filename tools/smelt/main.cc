// The command line: finds the verb, runs it, and turns what went wrong into a message and an exit
// code.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <new>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "output_files.h"
#include "printable.h"
#include "smelt/smelt.hpp"
#include "verbs.h"

namespace smelt::cli {
namespace {

// Every verb, in the order in which --help lists them.
std::vector<Verb> add_verbs(CLI::App& app) {
  return {add_run(app),     add_info(app),  add_explain(app), add_profile(app), add_bench(app),
          add_compare(app), add_check(app), add_make(app),    add_cpu(app),     add_kernels(app)};
}

constexpr const char* kFooter = R"(
Exit codes: 0 done; 1 a result was wrong; 2 wrong usage; 3 a file that is missing, bad or cannot be written; 4 not
supported. Where nobody reads standard output any more, smelt ends as other tools do: by SIGPIPE, or else with 141.
Files to write may be "-", which is standard output; what is printed then goes to standard error.
Environment: SMELT_ISA=avx2,… restricts the instruction sets that kernels are chosen from.)";

Exit exit_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return Exit::kUsage;
    case ErrorCode::kInvalidFile:
    case ErrorCode::kNotFound:
    case ErrorCode::kIo:
      return Exit::kBadFile;
    case ErrorCode::kUnsupported:
    case ErrorCode::kOutOfMemory:
      return Exit::kUnsupported;
  }
  return Exit::kUnsupported;
}

/// Says what went wrong. Where standard error does not take it, the exit code has to do.
Exit complain(Exit code, std::string_view message) {
  std::fflush(stdout);
  std::fputs(fmt::format("smelt: {}\n", printable(message)).c_str(), stderr);
  return code;
}

/// A file that is opened while a standard stream is closed would take its number, and get what is
/// printed. Reading from /dev/null stands in: writing to it fails, as it should.
void hold_standard_streams() {
  for (int fd = 0; fd <= 2; ++fd)
    if (::fcntl(fd, F_GETFD) == -1) (void)::open("/dev/null", O_RDONLY);
}

/// The exit code where standard output did not take what was printed; `error` is its errno, 0 if
/// that is not known any more.
Exit complain_of_stdout(int error) {
  if (error == EPIPE) return Exit::kClosedPipe;
  return complain(Exit::kBadFile, fmt::format("standard output: {}",
                                              error == 0 ? "cannot write" : std::strerror(error)));
}

/// `code`, unless something that was printed has been lost.
Exit finish(Exit code) {
  errno = 0;
  const bool lost = std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  return lost ? complain_of_stdout(errno) : code;
}

/// What is wrong with the command line, and where its help is.
std::string usage_error(const CLI::App& app, const std::vector<Verb>& verbs,
                        const CLI::ParseError& e) {
  const auto used = std::ranges::find_if(verbs, [](const Verb& v) { return v.command->parsed(); });
  const std::string help =
      used == verbs.end() ? "smelt" : fmt::format("smelt {}", used->command->get_name());
  std::string what = e.what();
  if (const auto extra = app.remaining(/*recurse=*/true);
      dynamic_cast<const CLI::ExtrasError*>(&e) != nullptr && !extra.empty()) {
    std::string known;
    for (const Verb& v : verbs) known += (known.empty() ? "" : ", ") + v.command->get_name();
    what = used == verbs.end()
               ? fmt::format("no such verb: \"{}\"; there are {}", extra.front(), known)
               : fmt::format("{} does not take \"{}\"", used->command->get_name(), extra.front());
  }
  return fmt::format("{} (see {} --help)", what, help);
}

Exit run(int argc, char** argv) {
  CLI::App app("Runs ExecuTorch programs (.pte) on CPUs with matrix units.", "smelt");
  app.set_version_flag("--version", fmt::format("smelt {}", version()));
  app.set_help_all_flag("--help-all", "Print the help of every verb and exit");
  app.footer(kFooter);
  const std::vector<Verb> verbs = add_verbs(app);

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {  // --help, --version
    std::ostringstream text;
    app.exit(e, text, text);
    std::fputs(text.str().c_str(), stdout);
    return Exit::kOk;
  } catch (const CLI::ParseError& e) {
    return complain(Exit::kUsage, usage_error(app, verbs, e));
  }
  for (const Verb& verb : verbs) {
    if (!verb.command->parsed()) continue;
    auto done = prepare_outputs(verb.outputs).and_then(verb.run);
    return done ? *done : complain(exit_of(done.error().code), done.error().message);
  }
  return complain(Exit::kUsage, "no verb given: run, info, … (see smelt --help)");
}

}  // namespace
}  // namespace smelt::cli

int main(int argc, char** argv) {
  using namespace smelt::cli;
  hold_standard_streams();
  try {
    return int(finish(run(argc, argv)));
  } catch (const std::system_error& e) {
    if (std::ferror(stdout) != 0) return int(complain_of_stdout(e.code().value()));
    return int(complain(Exit::kUnsupported, e.what()));
  } catch (const std::bad_alloc&) {
    return int(complain(Exit::kUnsupported, "out of memory"));
  } catch (const std::exception& e) {
    return int(complain(Exit::kUnsupported, e.what()));
  }
}
