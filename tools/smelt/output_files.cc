#include "output_files.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>

#include <fmt/format.h>

#include "options.h"
#include "platform/file.h"

namespace smelt::cli {

CLI::Option* add_output_file(CLI::App& app, const char* option, std::filesystem::path& file,
                             const char* about) {
  return app.add_option(option, file, about)->type_name("F")->check(not_empty);
}

Status prepare_outputs(std::span<std::filesystem::path* const> files) {
  for (size_t i = 0; i < files.size(); ++i) {
    for (size_t k = 0; k < i; ++k) {
      if (!files[i]->empty() && files[i]->lexically_normal() == files[k]->lexically_normal())
        return fail(ErrorCode::kInvalidArgument, "two outputs go to {}", files[i]->string());
    }
  }
  for (std::filesystem::path* file : files) {
    if (file->empty()) continue;
    if (*file == "-") {
      // Nothing has been printed yet, so that nothing is in a buffer.
      const int out = ::dup(STDOUT_FILENO);
      if (out < 0 || ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return fail(ErrorCode::kIo, "standard output: {}", std::strerror(errno));
      *file = fmt::format("/dev/fd/{}", out);
    } else {
      SMELT_TRY(check_writable(*file, IfExists::kReplace));
    }
  }
  return {};
}

}  // namespace smelt::cli
