// The keys of [types.NAME] that say how a command runs: its words, where, with what environment, and
// what its output means. Which words name files is decided here, once, when the file is read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/config_file.h"
#include "job/type_catalog.h"

namespace forager::app {

// Nothing when there is no such key; "" when it is right, else what would be right. `base`: the
// directory of the configuration file.
std::optional<std::string> ApplyCommandKey(const std::string& key, const FileValue& value,
                                           const std::string& base, TypeSettings& type);

// With a directory the words are left as they are: they mean what they mean there. Without one the
// command runs in its scratch directory, so its program and, behind an interpreter, its script are
// named in full; no other word is ever touched. Returns a sentence for each word that looks like a
// file and will not be found.
std::vector<std::string> ResolveWords(TypeSettings& type, const std::string& base);

}  // namespace forager::app
