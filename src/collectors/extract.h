// One page's bytes to records, without a network: what the web collector does after the fetch, and
// what `forager extract FILE|URL [--type T]` prints.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/answer_judge.h"
#include "collectors/page_fetcher.h"
#include "collectors/structured_data.h"
#include "job/error.h"
#include "job/event.h"

namespace forager::collectors {

struct Extraction {
  std::vector<FoundItem> items;
  std::vector<RecordEvent> records;
  bool cut = false;                     // the page was beyond the parser's limits
  std::optional<FetchFailure> blocked;  // it is a block page: nothing in it counts
};

// Records of `entity_type`; of every type that has rules when it is empty.
Extraction ExtractPage(const Page& page, std::string_view entity_type);

// One JSON line per record, in the form of a collector's events.
Result<std::string> ExtractFromHtml(std::string_view html, std::string_view url,
                                    std::string_view entity_type);
// Fetched as the web collector does, robots.txt too. `settings` are those of collector.h's Context.
Result<std::string> ExtractFromUrl(std::string_view url, std::string_view entity_type,
                                   const std::map<std::string, std::string>& settings);

}  // namespace forager::collectors
