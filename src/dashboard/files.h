// The dashboard's files as the build embedded them: web/embed.mjs writes the table from what Vite
// built. Read by dashboard.cc only; never changes while the program runs.
#pragma once

#include <span>
#include <string_view>

namespace forager::dashboard {

struct File {
  std::string_view path;  // "/index.html", "/assets/index-Bx3k.js"
  std::string_view body;
  std::string_view gzip;  // empty when it would not get smaller
  std::string_view etag;  // without quotes
};

std::span<const File> Files();

}  // namespace forager::dashboard
