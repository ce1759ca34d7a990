// GET /dispatch, POST /dispatch/pause and /dispatch/resume.
#include <boost/json.hpp>
#include <set>

#include "api/body.h"
#include "api/handlers.h"
#include "api/object_writer.h"
#include "api/problem.h"
#include "api/query.h"
#include "job/codec.h"

namespace forager::api {
namespace {

std::string DispatchJson(const Call& call, const std::set<std::string>& paused) {
  store::ClaimLimits limits = call.control().limits();
  ObjectWriter per_type;
  for (const auto& [type, limit] : limits.per_type) {
    per_type.Int(type, limit);
  }
  std::vector<std::string> types;
  for (const std::string& type : paused) {
    if (!type.empty()) types.push_back(type);
  }
  ObjectWriter body;
  body.Text("mode", call.control().automatic() ? "automatic" : "on_request");
  body.Int("max_running", limits.total);
  limits.per_host > 0 ? body.Int("max_running_per_host", limits.per_host)
                      : body.Raw("max_running_per_host", "null");
  body.Raw("max_running_per_type", per_type.Take());
  body.Bool("paused", paused.contains("")).Texts("paused_types", types);
  return body.Take();
}

// {} is everything, {"entity_type": "x"} one type.
Result<std::string> ParseScope(const Call& call) {
  Result<boost::json::object> body = ReadBody(call.request.body);
  if (!body) return std::unexpected(body.error());
  std::vector<FieldError> wrong;
  MemberReader reader(*body, "", wrong);
  std::optional<std::string> type = ReadTypeName(reader, "entity_type");
  reader.RefuseOthers();
  if (!wrong.empty()) return std::unexpected(WrongFields(std::move(wrong)));
  return type.value_or("");
}

Result<WriteWork> Change(const Call& call, bool pause) {
  Result<std::string> scope = ParseScope(call);
  if (!scope) return std::unexpected(scope.error());
  return [&call, scope = std::move(*scope), pause](store::Store& store) -> Result<Answer> {
    auto changed = pause ? store.Pause(scope, call.Now()) : store.Resume(scope);
    if (!changed) return std::unexpected(changed.error());
    auto paused = store.Paused();
    if (!paused) return std::unexpected(paused.error());
    return [&call, paused = std::move(*paused)] { return Json(200, DispatchJson(call, paused)); };
  };
}

}  // namespace

Result<ReadWork> GetDispatch(const Call& call) {
  return [&call](store::Store& store) -> Result<http::Response> {
    auto paused = store.Paused();
    if (!paused) return std::unexpected(paused.error());
    return Json(200, DispatchJson(call, *paused));
  };
}

Result<WriteWork> PauseDispatch(const Call& call) { return Change(call, true); }
Result<WriteWork> ResumeDispatch(const Call& call) { return Change(call, false); }

}  // namespace forager::api
