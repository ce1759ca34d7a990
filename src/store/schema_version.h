// The newest schema this program makes, in both dialects: migration_1 to migration_N of
// sql/*_schema.sql.
#pragma once

namespace forager::store {

inline constexpr int kSchemaVersion = 9;

}  // namespace forager::store
