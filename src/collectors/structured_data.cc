#include "collectors/structured_data.h"

#include <libxml/tree.h>

#include <algorithm>
#include <array>
#include <map>

#include "collectors/json_ld.h"

namespace forager::collectors {
namespace {

// Microdata and RDFa Lite say the same in other attributes.
struct Dialect {
  Source source;
  const char* name;
  const char* scope;  // begins an item
  const char* type;
  const char* property;
  const char* id;
};
constexpr Dialect kMicrodata = {Source::kMicrodata, "microdata", "itemscope",
                                "itemtype",         "itemprop",  "itemid"};
constexpr Dialect kRdfa = {Source::kRdfa, "rdfa", "typeof", "typeof", "property", "resource"};

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> out;
  while (out.size() < 8) {
    const auto begin = text.find_first_not_of(" \t\r\n\f");
    if (begin == text.npos) break;
    text.remove_prefix(begin);
    const auto end = std::min(text.find_first_of(" \t\r\n\f"), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

std::string Absolute(const std::string& link, const Url& base) {
  if (link.empty()) return link;
  const auto url = ResolveUrl(base, link);
  return url ? url->text : link;
}

// The value of a property, as HTML defines it per element.
std::string PropertyValue(const xmlNode* node, const Url& base) {
  const std::string_view element = ElementName(node);
  if (HasAttribute(node, "content")) return CutText(Attribute(node, "content"), kMaxValueBytes);
  constexpr std::array<std::string_view, 3> kLinks = {"a", "area", "link"};
  constexpr std::array<std::string_view, 7> kMedia = {"img",    "audio",  "video", "embed",
                                                      "iframe", "source", "track"};
  if (std::ranges::find(kLinks, element) != kLinks.end() && HasAttribute(node, "href")) {
    const std::string link = Attribute(node, "href");
    if (link.starts_with("tel:")) return link.substr(4);
    if (link.starts_with("mailto:")) return link.substr(7, link.find('?') - 7);
    return Absolute(link, base);
  }
  if (std::ranges::find(kMedia, element) != kMedia.end() && HasAttribute(node, "src")) {
    return Absolute(Attribute(node, "src"), base);
  }
  if ((element == "data" || element == "meter") && HasAttribute(node, "value"))
    return Attribute(node, "value");
  if (element == "time" && HasAttribute(node, "datetime")) return Attribute(node, "datetime");
  return TextOf(node, kMaxValueBytes);
}

// Reads items of one dialect in document order. Scopes are kept by node, so no recursion is needed.
class AttributeReader {
 public:
  AttributeReader(const Dialect& dialect, const Url& base, std::vector<FoundItem>& items)
      : dialect_(dialect), base_(base), items_(items) {}

  void Run(xmlNode* root) {
    WalkElements(root, [this](xmlNode* node) {
      Visit(node);
      return items_.size() < kMaxItems;
    });
  }

 private:
  struct Scope {
    int item = -1;
    // The items around it that its values also belong to, with the path of this one in each.
    std::vector<std::pair<int, std::string>> outer;
  };

  const Scope* Enclosing(const xmlNode* node) const {
    for (const xmlNode* up = node->parent; up != nullptr; up = up->parent) {
      if (const auto found = scopes_.find(up); found != scopes_.end()) return &found->second;
    }
    return nullptr;
  }

  void Visit(xmlNode* node) {
    const bool opens = HasAttribute(node, dialect_.scope);
    const bool says = HasAttribute(node, dialect_.property);
    if ((!opens && !says) || (opens && items_.size() >= kMaxItems)) return;
    const Scope* around = Enclosing(node);
    const std::vector<std::string> properties =
        says ? Words(Attribute(node, dialect_.property)) : std::vector<std::string>();
    if (opens) {
      Open(node, around, properties);
    } else if (around != nullptr) {
      const std::string value = PropertyValue(node, base_);
      for (const std::string& property : properties) {
        if (value.empty() || property.starts_with("og:") || property.starts_with("article:"))
          continue;
        const std::string name = LocalName(property);
        Put(around->item, name, value);
        for (const auto& [item, path] : around->outer) Put(item, path + "." + name, value);
      }
    }
  }

  void Open(const xmlNode* node, const Scope* around, const std::vector<std::string>& properties) {
    Scope scope;
    scope.item = static_cast<int>(items_.size());
    FoundItem item;
    item.source = dialect_.source;
    for (const std::string& type : Words(Attribute(node, dialect_.type)))
      item.types.push_back(LocalName(type));
    item.id = Attribute(node, dialect_.id);
    item.where = std::string(dialect_.name) + "[" + std::to_string(count_++) + "]";
    if (around != nullptr && !properties.empty()) {
      const std::string name = LocalName(properties.front());
      item.parent = around->item;
      scope.outer.emplace_back(around->item, name);
      for (const auto& [outer, path] : around->outer) {
        if (scope.outer.size() < 8) scope.outer.emplace_back(outer, path + "." + name);
      }
    }
    items_.push_back(std::move(item));
    scopes_.emplace(node, std::move(scope));
  }

  void Put(int index, const std::string& key, const std::string& value) {
    FoundItem& item = items_[static_cast<std::size_t>(index)];
    if (item.values.size() < kMaxValues)
      item.values.push_back({key, value, item.where + "." + key});
  }

  const Dialect& dialect_;
  const Url& base_;
  std::vector<FoundItem>& items_;
  std::map<const xmlNode*, Scope> scopes_;
  int count_ = 0;
};

bool IsOpenGraph(std::string_view property) {
  for (const std::string_view prefix :
       {"og:", "place:", "business:", "product:", "profile:", "article:", "realestate:"}) {
    if (property.starts_with(prefix)) return true;
  }
  return false;
}

void AppendOpenGraph(const HtmlDocument& document, std::vector<FoundItem>& items) {
  FoundItem item;
  item.source = Source::kOpenGraph;
  item.where = "opengraph";
  WalkElements(document.root(), [&item](xmlNode* node) {
    if (ElementName(node) != "meta" || item.values.size() >= kMaxValues) return true;
    std::string property = Attribute(node, "property");
    if (property.empty()) property = Attribute(node, "name");
    const std::string content = CutText(Attribute(node, "content"), kMaxValueBytes);
    if (!IsOpenGraph(property) || content.empty()) return true;
    if (property == "og:type") item.types.push_back(content);
    item.values.push_back({property, content, "opengraph." + property});
    return true;
  });
  if (item.types.empty()) item.types.emplace_back("website");  // what the protocol says
  if (!item.values.empty()) items.push_back(std::move(item));
}

bool IsJsonLd(const xmlNode* node) {
  if (ElementName(node) != "script") return false;
  std::string type = Attribute(node, "type");
  for (char& c : type) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return type.find("ld+json") != type.npos;
}

}  // namespace

std::string_view Name(Source source) {
  switch (source) {
    case Source::kJsonLd:
      return "jsonld";
    case Source::kMicrodata:
      return "microdata";
    case Source::kRdfa:
      return "rdfa";
    case Source::kOpenGraph:
      return "opengraph";
  }
  return "";
}

const FoundValue* FoundItem::Find(std::string_view key) const {
  const auto found = std::ranges::find(values, key, &FoundValue::key);
  return found == values.end() ? nullptr : &*found;
}

std::vector<const FoundValue*> FoundItem::FindAll(std::string_view key) const {
  std::vector<const FoundValue*> out;
  for (const FoundValue& value : values) {
    if (value.key == key) out.push_back(&value);
  }
  return out;
}

std::vector<FoundItem> FindStructuredData(const HtmlDocument& document, const Url& base) {
  std::vector<FoundItem> items;
  if (document.root() == nullptr) return items;
  int block = 0;
  WalkElements(document.root(), [&](xmlNode* node) {
    if (!IsJsonLd(node)) return true;
    std::string text;
    for (const xmlNode* child = node->children; child != nullptr; child = child->next) {
      if (child->content != nullptr) text += reinterpret_cast<const char*>(child->content);
    }
    AppendJsonLd(text, "jsonld[" + std::to_string(block++) + "]", items);
    return items.size() < kMaxItems;
  });
  AttributeReader(kMicrodata, base, items).Run(document.root());
  AttributeReader(kRdfa, base, items).Run(document.root());
  AppendOpenGraph(document, items);
  return items;
}

std::vector<FoundItem> FindJsonLd(std::string_view json) {
  std::vector<FoundItem> items;
  AppendJsonLd(json, "jsonld[0]", items);
  return items;
}

}  // namespace forager::collectors
