// Items found in a page to records of an entity type: the fields, how sure they are, and for each
// the evidence it stands on. Which word means which field is data (field_table.h). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collectors/structured_data.h"
#include "job/event.h"
#include "job/time.h"

namespace forager::collectors {

struct PageFacts {
  Url url;  // where the page was got
  WallTime fetched_at{};
  std::string digest;  // "sha256:..." of the body
};

// "sha256:" and 64 hex digits.
std::string Digest(std::string_view body);

// At most 500 records. What stands in the page twice (same name) becomes one. OpenGraph speaks only
// where nothing better does.
std::vector<RecordEvent> BuildRecords(const std::vector<FoundItem>& items,
                                      std::string_view entity_type, const PageFacts& page);

}  // namespace forager::collectors
