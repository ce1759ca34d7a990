#include "job/event_members.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "job/codec.h"
#include "job/text.h"

namespace forager {
namespace {

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && std::string_view(" \t").contains(text.front())) text.remove_prefix(1);
  while (!text.empty() && std::string_view(" \t").contains(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<double> ToNumber(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

}  // namespace

const std::string* EventMembers::Find(std::string_view name) const {
  const std::string* text = json_.Find(name);
  return text && *text != "null" ? text : nullptr;
}

void EventMembers::LeftOut(std::string_view name, std::string_view wanted) {
  const std::string* text = Find(name);
  left_out_.push_back(fmt::format("{} is not {} and was left out: {}", name, wanted,
                                  CutText(text ? *text : "", 60)));
}

std::optional<std::string> EventMembers::Text(std::string_view name, std::size_t max) {
  const std::string* text = Find(name);
  if (!text) return std::nullopt;
  return CutText(JsonText(*text).value_or(*text), max);
}

std::optional<double> EventMembers::AnyNumber(std::string_view name, double low, double high) {
  const std::string* text = Find(name);
  if (!text) return std::nullopt;
  auto inside = JsonText(*text);
  std::string_view digits = Trimmed(inside ? *inside : *text);
  if (inside && digits.ends_with('%') && high == 100) digits.remove_suffix(1);
  if (inside && digits.empty()) return std::nullopt;  // nothing said
  auto number = ToNumber(digits);
  if (!number || *number != *number)
    LeftOut(name, fmt::format("a number from {} to {}", low, high));
  return number && *number == *number ? number : std::nullopt;
}

std::optional<double> EventMembers::Number(std::string_view name, double low, double high) {
  auto number = AnyNumber(name, low, high);
  if (!number || (*number >= low && *number <= high)) return number;
  LeftOut(name, fmt::format("a number from {} to {}", low, high));
  return std::nullopt;
}

std::optional<double> EventMembers::Clamped(std::string_view name, double low, double high) {
  auto number = AnyNumber(name, low, high);
  if (!number || (*number >= low && *number <= high)) return number;
  double kept = std::clamp(*number, low, high);
  left_out_.push_back(fmt::format("{} is not from {} to {} and was taken as {}: {}", name, low,
                                  high, kept, *number));
  return kept;
}

std::optional<bool> EventMembers::Flag(std::string_view name) {
  const std::string* text = Find(name);
  if (!text) return std::nullopt;
  std::string word = LowerCase(Trimmed(JsonText(*text).value_or(*text)));
  for (std::string_view yes : {"true", "1", "yes"}) {
    if (word == yes) return true;
  }
  for (std::string_view no : {"false", "0", "no", ""}) {
    if (word == no) return false;
  }
  LeftOut(name, "true or false");
  return std::nullopt;
}

std::optional<std::string> EventMembers::Object(std::string_view name) {
  const std::string* text = Find(name);
  if (!text) return std::nullopt;
  if (text->starts_with('{')) return *text;
  if (auto inside = JsonText(*text)) {
    auto object = MendJson(*inside, &mended_);
    if (object && object->starts_with('{')) return object;
  }
  LeftOut(name, "an object");
  return std::nullopt;
}

std::optional<std::string> EventMembers::Any(std::string_view name) {
  const std::string* text = Find(name);
  return text ? std::optional(*text) : std::nullopt;
}

std::string EventMembers::ChildBody() {
  constexpr std::string_view kNumbers[] = {"priority", "max_attempts", "timeout_minutes"};
  constexpr std::string_view kTexts[] = {"entity_id",    "search_query", "location",
                                         "community_id", "builder_id",   "unique_key",
                                         "initiated_by"};
  std::string body = "{";
  for (const JsonMember& member : json_.members) {
    if (member.name == "type") continue;
    std::string text = member.text;
    auto inside = JsonText(text);
    bool number = ToNumber(text).has_value();
    if (inside && std::ranges::find(kNumbers, member.name) != std::end(kNumbers) &&
        ToNumber(Trimmed(*inside))) {
      text = MendJson(Trimmed(*inside)).value_or(text);
    } else if (number && std::ranges::find(kTexts, member.name) != std::end(kTexts)) {
      text = WriteString(text);
    } else if (inside && member.name == "search_filters") {
      auto object = MendJson(*inside, &mended_);
      if (object && object->starts_with('{')) text = *object;
    }
    if (body.size() > 1) body += ',';
    body += WriteString(member.name) + ":" + text;
  }
  return body + "}";
}

}  // namespace forager
