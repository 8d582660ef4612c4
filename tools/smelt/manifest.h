// A list of programs with inputs and the outputs that they should give.
//
// {"format": 1, "entries": [{
//    "name", "program", "atol", "rtol",
//    "group" (""), "method" ("forward"), "external_data" ([]), "stateful" (false),
//    "steps": [{"method" (the entry's), "inputs": [tensor …], "outputs": [tensor …]} …]} …]}
// tensor: {"file": a .npy file in logical order, "dtype", "shape"}; bfloat16 is stored as uint16.
// Paths are relative to the manifest. Fields with a default in parentheses may be absent, and
// fields that are not named here are ignored.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "array.h"
#include "compare.h"

namespace smelt::cli {

struct ManifestTensor {
  std::filesystem::path file;
  std::string dtype;
  Shape shape;
  std::string where;  ///< "entries[3].steps[0].inputs[1]"
  Value value = {};   ///< of a bundled program: in memory, instead of a file of its own
};

struct ManifestEntry {
  struct Step {
    std::string method;
    std::vector<ManifestTensor> inputs, outputs;
    bool recorded = true;  ///< false: nobody knows the outputs, and running is all there is to check
  };
  std::string name, group;
  std::filesystem::path program;
  std::vector<std::filesystem::path> external_data;
  std::vector<Step> steps;
  bool stateful = false;  ///< steps are consecutive calls on one loaded program
  Tolerance tolerance;
  std::string where;  ///< "entries[3]"
  std::shared_ptr<const void> memory = {};  ///< what the values of a bundled program refer to
};

/// kNotFound, kIo; kInvalidFile names the file and the field.
Result<std::vector<ManifestEntry>> read_manifest(const std::filesystem::path&);

/// Whether all files of an entry are there. kNotFound names the field and the file.
Status check_files(const std::filesystem::path& manifest, const ManifestEntry&);

/// Reads the file of a tensor. kInvalidFile if it is not what the manifest says.
Result<Array> read_tensor(const ManifestTensor&);

}  // namespace smelt::cli
