// Values in PostgreSQL's text form. PostgreSQL takes no NUL and no text that is not UTF-8: what a
// page or a process says may hold both, so they become U+FFFD.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/database.h"

namespace forager::store {

// The text with U+FFFD for what PostgreSQL does not take.
std::string Clean(std::string_view text);
// False: null.
bool WriteParam(const Param& param, std::string& text);
// One array literal per column of these rows.
std::vector<std::string> ArraysOf(std::span<const Database::Row> rows);
// "2026-11-23 10:00:00.1+00" as the store writes it: 2026-11-23 10:00:00.100.
std::string StoredTime(std::string_view text);

}  // namespace forager::store
