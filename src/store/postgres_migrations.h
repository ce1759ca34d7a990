// Brings a PostgreSQL database to the schema this program knows. Safe when many servers start at
// once; a schema one version newer is used as it is, so that servers can be upgraded one by one.
#pragma once

#include <string>

#include "job/error.h"
#include "store/postgres_database.h"

namespace forager::store {

// One clear line for a server that is too old, a role without rights, a newer schema. `shown` names
// the database.
Result<void> MigratePostgres(PostgresDatabase& database, const std::string& shown);

}  // namespace forager::store
