#include "dashboard/dashboard.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "dashboard/files.h"
#include "http/gzip.h"

namespace forager::dashboard {
namespace {

// Everything the page needs comes from this server; nothing inline, nothing from elsewhere.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
    "'none'";

const File* Find(std::string_view path) {
  std::span<const File> files = Files();
  auto found = std::ranges::find(files, path, &File::path);
  return found == files.end() ? nullptr : &*found;
}

// The page's own addresses: web/src/route.ts knows the same.
bool IsPage(std::string_view path) {
  constexpr std::string_view kPages[] = {"/",          "/jobs",  "/changes",
                                         "/schedules", "/nodes", "/settings"};
  if (std::ranges::find(kPages, path) != std::end(kPages)) return true;
  return std::ranges::any_of(
      std::array{std::string_view("/jobs/"), std::string_view("/schedules/")},
      [&](std::string_view folder) {
        return path.starts_with(folder) && path.size() > folder.size() &&
               path.find('/', folder.size()) == path.npos;
      });
}

std::string_view ContentType(std::string_view path) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".woff2", "font/woff2"},
      {".txt", "text/plain; charset=utf-8"},
  };
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

// True when the client has this very text: If-None-Match names it, or anything.
bool IsKnown(std::string_view if_none_match, std::string_view etag) {
  return if_none_match == "*" || if_none_match.find(etag) != std::string_view::npos;
}

}  // namespace

std::optional<http::Response> Answer(const http::Request& request) {
  const File* file = Find(IsPage(request.path) ? "/index.html" : request.path);
  if (!file) return std::nullopt;
  bool zipped = !file->gzip.empty() && http::AcceptsGzip(request.Header("Accept-Encoding"));
  std::string etag = fmt::format("\"{}{}\"", file->etag, zipped ? "-gz" : "");
  http::Response response;
  response.content_type = ContentType(file->path);
  // A hashed name never means another text; everything else is asked for again.
  bool hashed = file->path.starts_with("/assets/");
  response.headers = {
      {"Cache-Control", hashed ? "public, max-age=31536000, immutable" : "no-cache"},
      {"ETag", etag},
      {"Vary", "Accept-Encoding"},
      {"Content-Security-Policy", kPolicy},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
  };
  if (IsKnown(request.Header("If-None-Match"), etag)) {
    response.status = 304;
    return response;
  }
  if (zipped) response.headers.emplace_back("Content-Encoding", "gzip");
  response.body = zipped ? file->gzip : file->body;
  return response;
}

}  // namespace forager::dashboard
