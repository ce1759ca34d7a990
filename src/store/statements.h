// The named statements of src/store/sql, read once from the text embedded in the program. Used by
// drivers and by the composer of lists. An unknown name is a mistake of ours: it throws
// std::logic_error.
#pragma once

#include <string>
#include <string_view>

namespace forager::store {

// `name` of SQLite's dialect, its {job} and {attempt} replaced by the columns they stand for.
const std::string& Statement(std::string_view name);

}  // namespace forager::store
