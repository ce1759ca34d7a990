#include "job/turn.h"

#include <algorithm>
#include <boost/json.hpp>

#include "job/json_read.h"

namespace forager {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxHost = 255 + 7;  // a name, and brackets with a port

}  // namespace

bool IsTurnHost(std::string_view text) {
  return !text.empty() && text.size() <= kMaxHost && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("._:-[]").contains(c);
  });
}

std::string WriteTurnAnswer(const TurnAnswer& answer) {
  json::object object{{"type", "turn"}, {"id", answer.id}};
  if (!answer.granted) object["refused"] = true;
  object["wait_ms"] = answer.wait.count();
  return json::serialize(object) + "\n";
}

Result<TurnAnswer> ParseTurnAnswer(std::string_view line) {
  auto value = ParseJson(line);
  if (!value) return std::unexpected(value.error());
  const json::object* object = value->if_object();
  const json::value* type = object ? object->if_contains("type") : nullptr;
  const json::value* id = object ? object->if_contains("id") : nullptr;
  const json::value* wait = object ? object->if_contains("wait_ms") : nullptr;
  if (!type || *type != "turn" || !id || !id->is_int64() || !wait || !wait->is_int64() ||
      wait->get_int64() < 0) {
    return Fail(ErrorCode::kMalformed, "Not the answer to a question for a turn");
  }
  return TurnAnswer{id->get_int64(), !object->contains("refused"), Millis{wait->get_int64()}};
}

}  // namespace forager
