#include "store/child_digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include "store/canonical_json.h"

namespace forager::store {
namespace {

constexpr unsigned kBytes = 16;

std::string Text(const std::optional<std::string>& text) {
  return text ? JsonString(*text) : "null";
}

std::string Filters(const std::optional<std::string>& filters) {
  if (!filters) return "null";
  auto canonical = ToCanonicalJson(*filters);
  return canonical ? canonical->text : JsonString(*filters);
}

template <typename T>
std::string Number(const std::optional<T>& number) {
  return number ? std::to_string(*number) : "null";
}

}  // namespace

std::string ChildDigest(const NewJob& child) {
  std::optional<std::int64_t> run_at, timeout;
  if (child.run_at) run_at = child.run_at->time_since_epoch().count();
  if (child.timeout) timeout = child.timeout->count();
  std::string body =
      fmt::format("[{},{},{},{},{},{},{},{},{},{},{}]", JsonString(child.entity_type),
                  JsonString(child.job_type), Text(child.entity_id), Text(child.search_query),
                  Text(child.target_url), Filters(child.search_filters), Number(run_at),
                  Number(child.max_attempts), Number(timeout), Text(child.initiated_by),
                  Text(child.unique_key));
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_Digest(body.data(), body.size(), digest, &length, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned i = 0; i < kBytes; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

}  // namespace forager::store
