#include "process.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdlib.h>  // mkdtemp
#include <unistd.h>

#include <sys/wait.h>

namespace smelt::test {
namespace {

std::string quoted(const std::string& word) {
  std::string s = "'";
  for (char c : word) s += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return s + "'";
}

}  // namespace

Outcome run(const std::string& program, const std::vector<std::string>& args,
            const std::string& redirections) {
  const TemporaryFolder folder;
  const char* runner = std::getenv("SMELT_RUNNER");
  std::string command = runner != nullptr ? std::string(runner) + " " : std::string();
  command += quoted(program);
  for (const auto& a : args) command += " " + quoted(a);
  command += " >" + quoted(folder / "out") + " 2>" + quoted(folder / "err") + " </dev/null " +
             redirections;
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(folder / "out"),
          read_file(folder / "err")};
}

Outcome smelt(const std::vector<std::string>& args) { return run(SMELT_CLI, args); }

Outcome smelt_to(const std::string& place, const std::vector<std::string>& args) {
  return run(SMELT_CLI, args, ">" + place);
}

Outcome smelt_to_closed_pipe(const std::vector<std::string>& args) {
  int ends[2];
  if (::pipe(ends) != 0) return {};
  ::close(ends[0]);
  const auto before = std::signal(SIGPIPE, SIG_IGN);  // what is ignored stays so in children
  Outcome o = run(SMELT_CLI, args, ">&" + std::to_string(ends[1]));
  std::signal(SIGPIPE, before);
  ::close(ends[1]);
  return o;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "smelt-XXXXXX").string();
  path_ = mkdtemp(name.data());
}

TemporaryFolder::~TemporaryFolder() { std::filesystem::remove_all(path_); }

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::filesystem::path& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary) << contents;
}

}  // namespace smelt::test
