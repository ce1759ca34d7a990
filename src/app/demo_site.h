// The sample site that `forager demo` serves: invented communities, builders, homes and people of a
// new-home marketplace, one page for each way a page describes itself. Embedded; never reads a
// file.
#pragma once

#include <optional>
#include <string_view>

namespace forager::app {

// The page at that path (HTML; /robots.txt is plain text), or nothing.
std::optional<std::string_view> DemoPage(std::string_view path);

}  // namespace forager::app
