// The named statements of src/store/sql, read once from the text embedded in the program. Used by
// drivers and by the composer of lists. An unknown name is a mistake of ours: it throws
// std::logic_error.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/database.h"

namespace forager::store {

// `name` in that dialect. Marks in it such as {job} or {held} are replaced by the text they stand
// for: columns, or how the dialect locks a row.
const std::string& Statement(Dialect dialect, std::string_view name);

// Every name of that dialect, pieces of the list query and migrations too.
std::vector<std::string> StatementNames(Dialect dialect);

}  // namespace forager::store
