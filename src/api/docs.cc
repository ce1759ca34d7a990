// /openapi.json, embedded, and /docs, a page made from it: no script, nothing fetched from
// elsewhere.
#include <fmt/format.h>
#include <openssl/evp.h>

#include <boost/json.hpp>

#include "api/OpenApiJson.h"
#include "api/handlers.h"
#include "api/routes.h"
#include "http/gzip.h"

namespace forager::api {
namespace {

namespace json = boost::json;

constexpr std::string_view kStyle =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}h2{font-size:1.05rem;margin:2rem 0 .3rem}"
    "code,pre{font-family:ui-monospace,monospace;font-size:.9rem}"
    "pre{background:#f2f3f5;padding:.6rem;overflow-x:auto}"
    ".m{display:inline-block;min-width:4.5rem;font-weight:700}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#16181c}pre{background:#24272d}"
    "a{color:#8ab4f8}}";

std::string Escaped(std::string_view text) {
  std::string html;
  for (char c : text) {
    if (c == '&')
      html += "&amp;";
    else if (c == '<')
      html += "&lt;";
    else if (c == '>')
      html += "&gt;";
    else if (c == '"')
      html += "&quot;";
    else
      html += c;
  }
  return html;
}

std::string_view TextOf(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains({name.data(), name.size()});
  if (!value || !value->is_string()) return {};
  return {value->get_string().data(), value->get_string().size()};
}

// An example body, where the description has one.
std::string ExampleBody(const json::object& operation) {
  boost::system::error_code error;
  json::value whole = operation;
  const json::value* example =
      whole.find_pointer("/requestBody/content/application~1json/example", error);
  return example ? json::serialize(*example) : "";
}

std::string CurlExample(const Route& route, const json::object& operation) {
  std::string curl = "curl -s";
  if (route.method != "GET") curl += fmt::format(" -X {}", route.method);
  if (route.role != Role::kNone) curl += " -H \"Authorization: Bearer $TOKEN\"";
  if (std::string body = ExampleBody(operation); !body.empty()) curl += " -d '" + body + "'";
  return curl + " \"$FORAGER" + route.path + "\"";
}

std::string Section(const Route& route, const json::object& operation) {
  std::string html =
      fmt::format("<h2><span class=\"m\">{}</span> <code>{}</code></h2>\n<p>{}</p>\n", route.method,
                  Escaped(route.path), Escaped(TextOf(operation, "summary")));
  if (std::string_view more = TextOf(operation, "description"); !more.empty()) {
    html += "<p>" + Escaped(more) + "</p>\n";
  }
  if (route.role != Role::kNone) html += fmt::format("<p>Role: {}.</p>\n", Name(route.role));
  return html + "<pre>" + Escaped(CurlExample(route, operation)) + "</pre>\n";
}

std::string MakePage() {
  json::value description = json::parse({kOpenApiJson.data(), kOpenApiJson.size()});
  const json::object& paths = description.at("paths").as_object();
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>forager API</title>"
      "<style>{}</style></head><body>\n<h1>forager API</h1>\n<p>{}</p>\n"
      "<p>The whole description: <a href=\"openapi.json\">openapi.json</a>. The examples take "
      "the "
      "server's address from <code>$FORAGER</code> and a token from <code>$TOKEN</code>.</p>\n",
      kStyle, Escaped(TextOf(description.at("info").as_object(), "description")));
  for (const Route& route : Routes()) {
    std::string method;
    for (char c : route.method) method += static_cast<char>(c + 32);
    html += Section(route, paths.at(route.path).as_object().at(method).as_object());
  }
  return html + "</body></html>\n";
}

// Only our own style, named by its hash.
std::string MakePolicy() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(kStyle.data(), kStyle.size(), digest, &size, EVP_sha256(), nullptr);
  unsigned char text[2 * EVP_MAX_MD_SIZE];
  int length = EVP_EncodeBlock(text, digest, static_cast<int>(size));
  return fmt::format(
      "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; "
      "frame-ancestors 'none'",
      std::string_view(reinterpret_cast<const char*>(text), static_cast<std::size_t>(length)));
}

// A text that is asked for by strangers and never changes: packed once, not for each of them.
struct Page {
  explicit Page(std::string whole)
      : text(std::move(whole)), packed(http::Gzip().Compress(text).value_or("")) {}
  const std::string text, packed;
};

http::Response AnswerPage(const Call& call, const Page& page) {
  bool packs = !page.packed.empty() && http::AcceptsGzip(call.request.Header("Accept-Encoding"));
  http::Response response = Json(200, packs ? page.packed : page.text);
  response.headers.emplace_back("Vary", "Accept-Encoding");
  if (packs) response.headers.emplace_back("Content-Encoding", "gzip");
  return response;
}

}  // namespace

Result<http::Response> OpenApi(const Call& call) {
  static const Page page{std::string(kOpenApiJson)};
  return AnswerPage(call, page);
}

Result<http::Response> Docs(const Call& call) {
  static const Page page{MakePage()};
  static const std::string policy = MakePolicy();
  http::Response response = AnswerPage(call, page);
  response.content_type = "text/html; charset=utf-8";
  response.headers.emplace_back("Content-Security-Policy", policy);
  return response;
}

}  // namespace forager::api
