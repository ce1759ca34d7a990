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
    "font-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors "
    "'none'";

constexpr std::string_view kIndex = "/index.html";

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

// Everything else in it is relative to its base.
Pages::Pages(const std::string& base_path) {
  const File* index = Find(kIndex);
  if (!index) return;
  constexpr std::string_view kBase = "<base href=\"/";
  index_ = index->body;
  index_.insert(index_.find(kBase) + kBase.size(), base_path.empty() ? "" : base_path.substr(1) + "/");
  index_gzip_ = http::Gzip().Compress(index_).value_or("");
  index_etag_ = std::string(index->etag) + base_path;
}

std::optional<http::Response> Pages::Answer(const http::Request& request) const {
  bool page = IsPage(request.path) || request.path == kIndex;
  const File* found = Find(page ? kIndex : request.path);
  if (!found) return std::nullopt;
  File file = page ? File{kIndex, index_, index_gzip_, index_etag_} : *found;
  bool zipped = !file.gzip.empty() && http::AcceptsGzip(request.Header("Accept-Encoding"));
  std::string etag = fmt::format("\"{}{}\"", file.etag, zipped ? "-gz" : "");
  http::Response response;
  response.content_type = ContentType(file.path);
  // A hashed name never means another text; everything else is asked for again.
  bool hashed = file.path.starts_with("/assets/");
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
  response.body = zipped ? file.gzip : file.body;
  return response;
}

}  // namespace forager::dashboard
