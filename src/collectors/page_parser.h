// Bytes of a web page to a document tree: character set found out, HTML5 parsed, bounded in memory,
// time and depth whatever the page is. The tree is libxml2's, so that XPath works on it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

struct _xmlDoc;
struct _xmlNode;

namespace forager::collectors {

struct ParseLimits {
  std::size_t max_memory = 384 * 1024 * 1024;  // of the parser
  std::chrono::milliseconds max_time{10'000};
  int max_depth = 512;        // what is nested deeper is left out
  int max_nodes = 1'000'000;  // what comes after is left out
};

class HtmlDocument {
 public:
  // `content_type` is the answer's header; it may name the character set. A page beyond the limits
  // gives an empty document that is cut().
  static HtmlDocument Parse(std::string_view bytes, std::string_view content_type,
                            const ParseLimits& limits = {});

  _xmlNode* root() const;            // the html element; null when there is none
  bool cut() const { return cut_; }  // something was left out
  std::string Title() const;
  std::string VisibleText(
      std::size_t max_bytes) const;  // blanks collapsed; without scripts and styles

 private:
  struct Free {
    void operator()(_xmlDoc* doc) const;
  };
  std::unique_ptr<_xmlDoc, Free> doc_;
  bool cut_ = false;
};

// Names as in HTML, lower case. Empty when absent.
std::string_view ElementName(const _xmlNode* node);
std::string Attribute(const _xmlNode* node, const char* name);
bool HasAttribute(const _xmlNode* node, const char* name);
// The text of all below, blanks collapsed, at most `max_bytes`.
std::string TextOf(const _xmlNode* node, std::size_t max_bytes);
// Calls visit(element) for every element below and including `node`, in document order; false
// leaves out what is below that element.
void WalkElements(_xmlNode* node, const std::function<bool(_xmlNode*)>& visit);

// The first `max_bytes` of UTF-8, never cut inside a character.
std::string CutText(std::string_view text, std::size_t max_bytes);

// UTF-8 of a page: byte order mark, then the header, then a meta element, then UTF-8 if it is, else
// windows-1252. What cannot be read becomes U+FFFD.
std::string ToUtf8(std::string_view bytes, std::string_view content_type);

}  // namespace forager::collectors
