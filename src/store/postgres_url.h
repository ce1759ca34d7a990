// Connection strings of PostgreSQL, as libpq reads them: postgres://USER:PASSWORD@HOST,HOST/DATABASE?...
#pragma once

#include <string>

namespace forager::store {

// One clear sentence when the text is no connection string; else nothing.
std::string CheckPostgresUrl(const std::string& url);
// The same text without its passwords; a text that is no such URL stays as it is.
std::string WithoutPassword(const std::string& url);

}  // namespace forager::store
