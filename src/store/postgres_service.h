// The store in PostgreSQL, shared with other servers: a writer, a second one for what must not
// wait, a few readers, and the bulletin by which servers hear of each other's commits.
#pragma once

#include "store/store_service.h"

namespace forager::store {

Result<std::unique_ptr<StoreService>> OpenPostgres(const StoreOptions& options);

}  // namespace forager::store
