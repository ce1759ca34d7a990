// The data behind record_builder.h: which words of a page mean which field of which entity type.
#pragma once

#include <span>
#include <string_view>

#include "collectors/record_values.h"

namespace forager::collectors {

struct FieldRule {
  std::string_view field;
  FieldKind kind;
  // Keys to look up, best first, parted by blanks. "^community:name" is the name of the community
  // that the item stands in.
  std::string_view keys;
};

struct TypeRule {
  std::string_view name;  // schema.org's, or OpenGraph's og:type
  int rank;               // only the items of the best rank on a page become records
};

// A web page that says no more than its title: taken where nothing else speaks, with little
// confidence.
inline constexpr int kAnyPage = 9;

struct EntityRules {
  std::string_view entity_type;
  std::span<const TypeRule> types;
  std::span<const FieldRule> fields;
  std::string_view identity;  // at least one of these fields must be known
};

// Null for a type that has no rules.
const EntityRules* FindRules(std::string_view entity_type);
std::span<const EntityRules> AllRules();

}  // namespace forager::collectors
