// Serves the embedded dashboard: its assets by name, its page for every address the page itself
// knows. Called by the API for paths that are no route of its own; never sees jobs, tokens or the
// store.
#pragma once

#include <optional>
#include <string>

#include "http/server.h"

namespace forager::dashboard {

class Pages {
 public:
  // `base_path`: where browsers find us on our host, "" or "/forager".
  explicit Pages(const std::string& base_path);
  // None: not an address of the dashboard. Answers GET and HEAD alike; the method is the caller's
  // to judge.
  std::optional<http::Response> Answer(const http::Request& request) const;

 private:
  std::string index_, index_gzip_, index_etag_;
};

}  // namespace forager::dashboard
