#include "collectors/json_ld.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>
#include <map>

namespace forager::collectors {
namespace {

namespace json = boost::json;

constexpr int kMaxDepth = 8;     // of nested nodes below an item
constexpr int kMaxSteps = 5000;  // to fill one item: references may go in circles

std::optional<json::value> Read(std::string_view text) {
  json::parse_options options;
  options.allow_comments = true;
  options.allow_trailing_commas = true;
  options.allow_invalid_utf8 = true;
  options.max_depth = 64;
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(text.data(), text.size()), error, {}, options);
  if (!error) return value;
  // Sites break lines inside strings; a control character is a blank then.
  std::string mended(text);
  bool inside = false;
  for (std::size_t i = 0; i < mended.size(); ++i) {
    if (inside && mended[i] == '\\')
      ++i;
    else if (mended[i] == '"')
      inside = !inside;
    else if (inside && static_cast<unsigned char>(mended[i]) < ' ')
      mended[i] = ' ';
  }
  value = json::parse(mended, error, {}, options);
  if (error) return std::nullopt;
  return value;
}

// Without the wrappers that old browsers and templates needed: <!-- -->, CDATA, a final semicolon.
std::string_view Unwrap(std::string_view text) {
  const auto trim = [&text] {
    while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  };
  trim();
  for (const std::string_view head : {"<!--", "//<![CDATA[", "/*<![CDATA[*/", "<![CDATA["}) {
    if (text.starts_with(head)) text.remove_prefix(head.size()), trim();
  }
  for (const std::string_view tail : {"-->", "//]]>", "/*]]>*/", "]]>", ";"}) {
    if (text.ends_with(tail)) text.remove_suffix(tail.size()), trim();
  }
  return text;
}

std::optional<std::string> ScalarText(const json::value& value) {
  if (const auto* text = value.if_string())
    return CutText({text->data(), text->size()}, kMaxValueBytes);
  if (value.is_bool()) return value.get_bool() ? "true" : "false";
  if (value.is_double() && !std::isfinite(value.get_double())) return std::nullopt;
  if (value.is_double()) return fmt::format("{}", value.get_double());
  if (value.is_number()) return json::serialize(value);
  return std::nullopt;
}

std::string_view StringMember(const json::object& object, std::string_view name) {
  const auto* member = object.if_contains(json::string_view(name.data(), name.size()));
  const auto* text = member != nullptr ? member->if_string() : nullptr;
  return text != nullptr ? std::string_view(text->data(), text->size()) : std::string_view();
}

std::vector<std::string> TypesOf(const json::object& object) {
  std::vector<std::string> types;
  const auto* type = object.if_contains("@type");
  const auto add = [&types](const json::value& value) {
    if (value.is_string() && types.size() < 8) types.push_back(LocalName(value.get_string()));
  };
  if (type != nullptr && type->is_array()) {
    for (const auto& one : type->get_array()) add(one);
  } else if (type != nullptr) {
    add(*type);
  }
  return types;
}

class Block {
 public:
  explicit Block(std::vector<FoundItem>& items) : items_(items) {}

  void Run(const json::value& value, const std::string& where) {
    Index(value, 0);
    Visit(value, where, -1, 0);
  }

 private:
  void Index(const json::value& value, int depth) {
    if (depth > 64) return;
    if (const auto* array = value.if_array()) {
      for (const auto& one : *array) Index(one, depth + 1);
    } else if (const auto* object = value.if_object()) {
      const std::string_view id = StringMember(*object, "@id");
      if (!id.empty() && object->size() > 1) nodes_.try_emplace(id, object);
      for (const auto& member : *object) Index(member.value(), depth + 1);
    }
  }

  // Every object that has a type becomes an item, however deep it stands.
  void Visit(const json::value& value, const std::string& where, int parent, int depth) {
    if (depth > 64 || items_.size() >= kMaxItems) return;
    if (const auto* array = value.if_array()) {
      for (std::size_t i = 0; i < array->size(); ++i) {
        Visit((*array)[i], where + "[" + std::to_string(i) + "]", parent, depth + 1);
      }
      return;
    }
    const auto* object = value.if_object();
    if (object == nullptr) return;
    FoundItem item;
    item.types = TypesOf(*object);
    if (!item.types.empty()) {
      item.where = where;
      item.id = StringMember(*object, "@id");
      item.parent = parent;
      steps_ = 0;
      Fill(item, *object, "", where, 0);
      parent = static_cast<int>(items_.size());
      items_.push_back(std::move(item));
    }
    for (const auto& member : *object) {
      if (member.value().is_structured() && member.key() != "@context") {
        Visit(member.value(), where + "." + std::string(member.key()), parent, depth + 1);
      }
    }
  }

  void Fill(FoundItem& item, const json::object& object, const std::string& prefix,
            const std::string& where, int depth) {
    for (const auto& member : object) {
      const std::string_view name(member.key().data(), member.key().size());
      if (name.starts_with('@') && name != "@value") continue;
      const std::string key =
          name == "@value" ? prefix : (prefix.empty() ? "" : prefix + ".") + LocalName(name);
      Add(item, member.value(), key, where + "." + std::string(name), depth);
    }
  }

  void Add(FoundItem& item, const json::value& value, const std::string& key,
           const std::string& where, int depth) {
    if (item.values.size() >= kMaxValues || depth > kMaxDepth || ++steps_ > kMaxSteps) return;
    if (const auto text = ScalarText(value)) {
      if (!key.empty() && !text->empty()) item.values.push_back({key, *text, where});
    } else if (const auto* array = value.if_array()) {
      for (std::size_t i = 0; i < array->size(); ++i) {
        Add(item, (*array)[i], key, where + "[" + std::to_string(i) + "]", depth + 1);
      }
    } else if (const auto* object = value.if_object()) {
      const auto known =
          object->size() == 1 ? nodes_.find(StringMember(*object, "@id")) : nodes_.end();
      const json::object& node = known != nodes_.end() ? *known->second : *object;
      Fill(item, node, key, where, depth + 1);
      AddNamed(item, node, key, where);
    }
  }

  // {"name": "HOA fee", "value": "$1,400/yr"} is also found under its name:
  // additionalProperty.hoa_fee.
  static void AddNamed(FoundItem& item, const json::object& node, const std::string& key,
                       const std::string& where) {
    const std::string slug = Slug(StringMember(node, "name"));
    const auto* value = node.if_contains("value");
    const auto text = value != nullptr ? ScalarText(*value) : std::nullopt;
    if (!slug.empty() && text && item.values.size() < kMaxValues) {
      item.values.push_back({key + "." + slug, *text, where + ".value"});
    }
  }

  std::vector<FoundItem>& items_;
  std::map<std::string_view, const json::object*> nodes_;
  int steps_ = 0;
};

}  // namespace

std::string Slug(std::string_view name) {
  std::string out;
  for (char c : name) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if ((lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9')) {
      out += lower;
    } else if (!out.empty() && out.back() != '_' && out.size() < 64) {
      out += '_';
    }
  }
  while (out.ends_with('_')) out.pop_back();
  return out;
}

std::string LocalName(std::string_view type) {
  const auto cut = type.find_last_of("/#:");
  return std::string(cut == type.npos ? type : type.substr(cut + 1)).substr(0, 100);
}

void AppendJsonLd(std::string_view text, const std::string& where, std::vector<FoundItem>& items) {
  if (const auto value = Read(Unwrap(text))) Block(items).Run(*value, where);
}

}  // namespace forager::collectors
