// Runs built programs as a person would: the binary, its streams and its exit code.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace smelt::test {

struct Outcome {
  int exit = -1;
  std::string out, err;
};

/// Runs a program and waits. Under an emulator, SMELT_RUNNER is the command that runs programs of
/// its machine.
/// `redirections` are a shell's, after those that catch the streams.
Outcome run(const std::string& program, const std::vector<std::string>& args,
            const std::string& redirections = "");
/// Runs `smelt <args>`.
Outcome smelt(const std::vector<std::string>& args);
/// The same with standard output going elsewhere: to a file, or "&-", which closes it.
Outcome smelt_to(const std::string& place, const std::vector<std::string>& args);
/// The same where nobody reads standard output any more, and nobody takes the signal for it.
Outcome smelt_to_closed_pipe(const std::vector<std::string>& args);

/// A folder of its own for each test, removed when the test is over.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::string read_file(const std::filesystem::path&);
void write_file(const std::filesystem::path&, const std::string& contents);

}  // namespace smelt::test
