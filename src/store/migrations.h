// Brings a database file to the schema this program knows. Called once at start, before anybody
// else has the file; never runs while jobs do.
#pragma once

#include <string>

#include "job/error.h"
#include "store/sqlite_database.h"

namespace forager::store {

// One clear line when the file or its folder cannot hold a database of ours (network file system
// ...).
Result<void> CheckPlace(const std::string& path);

// Creates or upgrades the tables. One clear line for a damaged file, another program's file, a
// newer schema, a read-only place or a locked file.
Result<void> Migrate(SqliteDatabase& database, const std::string& path);

// The same lines for a file that cannot even be opened.
Error OpenError(const DatabaseError& error, const std::string& path);

}  // namespace forager::store
