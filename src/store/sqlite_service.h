// The store in a SQLite file: one writer, a few readers, and a thread that copies the log.
#pragma once

#include "store/store_service.h"

namespace forager::store {

Result<std::unique_ptr<StoreService>> OpenSqlite(const StoreOptions& options);

}  // namespace forager::store
