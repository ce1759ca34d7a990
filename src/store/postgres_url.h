// Connection strings of PostgreSQL, as libpq reads them: postgres://USER:PASSWORD@HOST,HOST/DATABASE?...
#pragma once

#include <string>

namespace forager::store {

// One clear sentence when the text is no connection string; else nothing.
std::string CheckPostgresUrl(const std::string& url);

}  // namespace forager::store
