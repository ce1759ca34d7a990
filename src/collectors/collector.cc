#include "collectors/collector.h"

#include <curl/curl.h>
#include <libxml/parser.h>

namespace forager::collectors {

void PrepareCollectors() {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  xmlInitParser();
}

Collector FindCollector(const std::string& name) {
  if (name == "web") return CollectWeb;
  if (name == "selftest") return CollectSelfTest;
  return nullptr;
}

}  // namespace forager::collectors
