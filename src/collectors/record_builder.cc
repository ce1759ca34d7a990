#include "collectors/record_builder.h"

#include <openssl/evp.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>

#include "collectors/field_table.h"
#include "collectors/json_ld.h"

namespace forager::collectors {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxRecords = 500;
constexpr std::size_t kMaxListed = 50;
constexpr std::size_t kMaxQuote = 1000;

// What a listing wraps around the thing it lists.
constexpr std::string_view kWrappers[] = {"", "itemOffered.", "mainEntity.", "about.",
                                          "offers.itemOffered."};

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (end > 0) out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// 0: not of that entity type.
int Rank(const FoundItem& item, const EntityRules& rules) {
  int best = 0;
  for (const std::string& type : item.types) {
    for (const TypeRule& rule : rules.types) {
      if (rule.name == type && (best == 0 || rule.rank < best)) best = rule.rank;
    }
  }
  // schema.org's RealEstateAgent is an office as often as a person.
  const bool agent = rules.entity_type == "sales_rep" && best == 2;
  if (agent && !item.Find("givenName") && !item.Find("jobTitle") && !item.Find("worksFor.name"))
    return 0;
  return best;
}

double Confidence(const FoundItem& item, int rank) {
  switch (item.source) {
    case Source::kJsonLd:
      return 0.9;
    case Source::kMicrodata:
      return 0.8;
    case Source::kRdfa:
      return 0.75;
    case Source::kOpenGraph:
      return rank == kAnyPage ? 0.4 : 0.6;
  }
  return 0;
}

struct Draft {
  json::object entity;
  json::object evidence;  // by field
  Source source = Source::kJsonLd;
  double confidence = 0;
};

class Builder {
 public:
  Builder(const std::vector<FoundItem>& items, const EntityRules& rules, const PageFacts& page)
      : items_(items), rules_(rules), page_(page) {}

  std::vector<Draft> Run() {
    std::vector<Draft> drafts = FromItems(false);
    return drafts.empty() ? FromItems(true) : drafts;
  }

 private:
  std::vector<Draft> FromItems(bool open_graph) {
    int best = 0;
    for (const FoundItem& item : items_) {
      const int rank = Considered(item, open_graph);
      if (rank > 0 && (best == 0 || rank < best) && HasIdentity(item)) best = rank;
    }
    std::vector<Draft> drafts;
    std::map<std::string, std::size_t> by_key;
    std::vector<bool> used(items_.size(), false);
    for (std::size_t i = 0; i < items_.size() && drafts.size() < kMaxRecords; ++i) {
      const FoundItem& item = items_[i];
      const int rank = Considered(item, open_graph);
      if (rank == 0 || rank != best || InsideUsed(item, used)) continue;
      Draft draft = Fill(item, rank);
      const std::string key = IdentityKey(draft);
      if (key.empty()) continue;
      used[i] = true;
      const auto [known, fresh] = by_key.try_emplace(key, drafts.size());
      if (fresh) {
        drafts.push_back(std::move(draft));
      } else {
        Merge(drafts[known->second], draft);
      }
    }
    return drafts;
  }

  int Considered(const FoundItem& item, bool open_graph) const {
    if ((item.source == Source::kOpenGraph) != open_graph) return 0;
    const int rank = Rank(item, rules_);
    return rank == kAnyPage && AboutSomethingElse() ? 0 : rank;
  }

  bool AboutSomethingElse() const {
    return std::ranges::any_of(items_, [](const FoundItem& item) {
      return item.source != Source::kOpenGraph &&
             std::ranges::any_of(
                 AllRules(), [&item](const EntityRules& rules) { return Rank(item, rules) > 0; });
    });
  }

  bool HasIdentity(const FoundItem& item) const { return !IdentityKey(Fill(item, 1)).empty(); }

  bool InsideUsed(const FoundItem& item, const std::vector<bool>& used) const {
    for (int up = item.parent; up >= 0; up = items_[static_cast<std::size_t>(up)].parent) {
      if (used[static_cast<std::size_t>(up)]) return true;
    }
    return false;
  }

  std::string IdentityKey(const Draft& draft) const {
    std::string key;
    for (const std::string_view field : Words(rules_.identity)) {
      const auto* value = draft.entity.if_contains(json::string_view(field.data(), field.size()));
      if (value == nullptr) continue;
      for (char c : json::serialize(*value))
        key += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return key;
  }

  static void Merge(Draft& into, const Draft& from) {
    for (const auto& member : from.entity) {
      if (into.entity.contains(member.key())) continue;
      into.entity[member.key()] = member.value();
      into.evidence[member.key()] = from.evidence.at(member.key());
    }
  }

  Draft Fill(const FoundItem& item, int rank) const {
    Draft draft;
    draft.source = item.source;
    draft.confidence = Confidence(item, rank);
    for (const FieldRule& rule : rules_.fields) {
      rule.kind == FieldKind::kList ? PutList(draft, item, rule) : PutOne(draft, item, rule);
    }
    if (rules_.entity_type == "sales_rep") SplitName(draft, item);
    return draft;
  }

  // The values of a key on the item, on what it wraps, on the offer around it, or on an item
  // further out.
  std::vector<const FoundValue*> LookUp(const FoundItem& item, std::string_view key) const {
    if (key.starts_with('^')) return LookUpOutside(item, key.substr(1));
    for (const std::string_view wrapper : kWrappers) {
      const std::string path = std::string(wrapper) + std::string(key);
      auto found = item.FindAll(path);
      if (found.empty()) found = item.FindAll(path + ".value");  // of a QuantitativeValue
      if (!found.empty()) return found;
    }
    if (item.parent < 0) return {};
    const FoundItem& parent = items_[static_cast<std::size_t>(item.parent)];
    const bool offered = std::ranges::find(parent.types, "Offer") != parent.types.end();
    if (offered && key.starts_with("offers.")) return parent.FindAll(key.substr(7));
    return {};
  }

  std::vector<const FoundValue*> LookUpOutside(const FoundItem& item, std::string_view path) const {
    const auto colon = path.find(':');
    const EntityRules* rules = FindRules(path.substr(0, colon));
    for (int up = item.parent; rules != nullptr && up >= 0;) {
      const FoundItem& outer = items_[static_cast<std::size_t>(up)];
      if (Rank(outer, *rules) > 0) return outer.FindAll(path.substr(colon + 1));
      up = outer.parent;
    }
    return {};
  }

  void PutOne(Draft& draft, const FoundItem& item, const FieldRule& rule) const {
    for (const std::string_view key : Words(rule.keys)) {
      for (const FoundValue* found : LookUp(item, key)) {
        const auto value = FieldValue(rule.kind, found->text, page_.url);
        if (!value) continue;
        Put(draft, rule.field, json::parse(*value), *found, item.source);
        return;
      }
    }
  }

  void PutList(Draft& draft, const FoundItem& item, const FieldRule& rule) const {
    for (const std::string_view key : Words(rule.keys)) {
      json::array list;
      std::set<std::string> seen;
      FoundValue all;  // where the first stands, and what all say
      for (const FoundValue* found : LookUp(item, key)) {
        std::string text = CleanText(found->text);
        if (rule.field == "media_urls") {
          const auto url = ResolveUrl(page_.url, text);
          text = url ? url->text : "";
        }
        const std::string_view group = key.substr(0, key.find('.'));
        const FoundValue* flag = item.Find(std::string(group) + "." + Slug(text));
        if (text.empty() || (flag != nullptr && flag->text == "false") || !seen.insert(text).second)
          continue;
        if (list.size() >= kMaxListed) break;
        if (list.empty()) all.where = found->where;
        all.text += (list.empty() ? "" : "\n") + found->text;
        list.emplace_back(text);
      }
      if (list.empty()) continue;
      Put(draft, rule.field, std::move(list), all, item.source);
      return;
    }
  }

  // "Dana Whitfield" where the parts are not given.
  void SplitName(Draft& draft, const FoundItem& item) const {
    if (draft.entity.contains("first_name") || draft.entity.contains("last_name")) return;
    const FoundValue* found = item.Find("name");
    if (found == nullptr) found = item.Find("og:title");
    if (found == nullptr) return;
    const std::string name = CleanText(found->text);
    const auto blank = name.rfind(' ');
    Put(draft, "first_name", json::value(name.substr(0, blank)), *found, item.source);
    if (blank != name.npos)
      Put(draft, "last_name", json::value(name.substr(blank + 1)), *found, item.source);
  }

  static void Put(Draft& draft, std::string_view field, json::value value, const FoundValue& found,
                  Source source) {
    const std::string name(field);
    draft.entity[name] = std::move(value);
    draft.evidence[name] = {{"method", std::string(Name(source))},
                            {"path", found.where},
                            {"quote", CutText(found.text, kMaxQuote)}};
  }

  const std::vector<FoundItem>& items_;
  const EntityRules& rules_;
  const PageFacts& page_;
};

}  // namespace

std::string Digest(std::string_view body) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_Digest(body.data(), body.size(), digest, &length, EVP_sha256(), nullptr);
  std::string out = "sha256:";
  for (unsigned i = 0; i < length; ++i) out += {kDigits[digest[i] >> 4], kDigits[digest[i] & 15]};
  return out;
}

std::vector<RecordEvent> BuildRecords(const std::vector<FoundItem>& items,
                                      std::string_view entity_type, const PageFacts& page) {
  const EntityRules* rules = FindRules(entity_type);
  if (rules == nullptr) return {};
  std::vector<RecordEvent> records;
  for (Draft& draft : Builder(items, *rules, page).Run()) {
    RecordEvent record;
    record.entity = json::serialize(draft.entity);
    record.entity_type = std::string(entity_type);
    record.confidence = draft.confidence;
    record.source_url = page.url.text;
    record.evidence = json::serialize(json::object{{"url", page.url.text},
                                                   {"fetched_at", FormatRfc3339(page.fetched_at)},
                                                   {"digest", page.digest},
                                                   {"method", std::string(Name(draft.source))},
                                                   {"fields", std::move(draft.evidence)}});
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace forager::collectors
