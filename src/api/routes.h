// The one table of routes: method, path, role, parameters, handler. src/api/openapi.json describes
// each; a test holds the two together.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"

namespace forager::api {

inline constexpr std::string_view kBase = "/v1/admin/collection";

struct Route {
  std::string_view method;
  std::string path;                     // "/v1/admin/collection/jobs/{id}"
  Role role;                            // kNone: open to all
  std::vector<std::string_view> query;  // the parameters it knows; any other is refused
  bool body;                            // takes a JSON body
  RouteHandler handler;
};

std::span<const Route> Routes();

struct Match {
  const Route* route = nullptr;  // none and `allowed` empty: no such path
  std::string id;
  std::vector<std::string_view> allowed;  // the methods of this path
};
// HEAD finds the GET route.
Match FindRoute(std::string_view method, std::string_view path);

}  // namespace forager::api
