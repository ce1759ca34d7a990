// What a page says about itself in a machine's words: JSON-LD, microdata, RDFa Lite, OpenGraph.
// Items and values as they stand in the page, each with the place it was found; what they mean is
// record_builder.h's part. Tolerant of junk: what cannot be read is left out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/page_parser.h"
#include "collectors/url.h"

namespace forager::collectors {

enum class Source { kJsonLd, kMicrodata, kRdfa, kOpenGraph };
std::string_view Name(Source source);

struct FoundValue {
  std::string key;  // "address.streetAddress": without positions, for looking up
  std::string text;
  std::string where;  // "jsonld[0].@graph[2].address.streetAddress": in the page
};

struct FoundItem {
  Source source = Source::kJsonLd;
  std::vector<std::string> types;  // "House": without the vocabulary's address
  std::string id;                  // @id, itemid, or empty
  std::string where;
  int parent = -1;                 // the item it stands in, by index
  std::vector<FoundValue> values;  // nested ones too, with dotted keys

  const FoundValue* Find(std::string_view key) const;  // the first, or null
  std::vector<const FoundValue*> FindAll(std::string_view key) const;
};

// Items in document order; links are made absolute with `base`. At most 2,000 items and 500 values
// each.
std::vector<FoundItem> FindStructuredData(const HtmlDocument& document, const Url& base);
// The same for a body that is JSON-LD itself.
std::vector<FoundItem> FindJsonLd(std::string_view json);

}  // namespace forager::collectors
