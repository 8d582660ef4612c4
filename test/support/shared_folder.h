// Where things are that a test reads from disk: the source tree, and the folder of real programs beside it.
#pragma once

#include <filesystem>

namespace smelt {

/// The checkout that this binary was built from.
std::filesystem::path source_folder();

/// $variable if it is set, else `name` in the folder `shared` beside the checkout. Need not exist.
std::filesystem::path shared_folder(const char* variable, const char* name);

/// $SMELT_CORPUS, else the corpus beside the checkout. Need not exist.
inline std::filesystem::path corpus_folder() { return shared_folder("SMELT_CORPUS", "corpus"); }

}  // namespace smelt
