#include "app/public_url.h"

#include <algorithm>

namespace forager::app {
namespace {

constexpr std::string_view kPlain =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~.";
// What we serve ourselves: with such a beginning the two could not be told apart.
constexpr std::string_view kOwn[] = {"v1",    "assets",  "changes", "docs",   "healthz",   "jobs",
                                     "login", "metrics", "nodes",   "readyz", "schedules", "settings"};

// "/a/b", or nothing.
bool IsBasePath(std::string_view path) {
  for (bool first = true; !path.empty(); first = false) {
    path.remove_prefix(1);
    std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size());
    if (part.find_first_not_of('.') == part.npos || part.find_first_not_of(kPlain) != part.npos)
      return false;
    if (first && std::ranges::find(kOwn, part) != std::end(kOwn)) return false;
  }
  return true;
}

std::size_t HostOf(std::string_view url) {
  return url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : url.npos;
}

}  // namespace

bool IsPublicUrl(std::string_view url) {
  std::size_t begin = HostOf(url);
  if (begin == url.npos) return false;
  std::string_view host = url.substr(begin, url.find('/', begin) - begin);
  return !host.empty() && host.find_first_of(" ?#@") == host.npos && IsBasePath(BasePath(url));
}

std::string BasePath(std::string_view public_url) {
  std::size_t begin = HostOf(public_url);
  std::size_t path = begin == public_url.npos ? begin : public_url.find('/', begin);
  return path == public_url.npos ? "" : std::string(public_url.substr(path));
}

}  // namespace forager::app
