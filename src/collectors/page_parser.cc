#include "collectors/page_parser.h"

#include <gumbo.h>
#include <libxml/tree.h>

#include <csetjmp>
#include <cstdlib>
#include <vector>

#include "os/clock.h"

namespace forager::collectors {
namespace {

// Gumbo knows no limits and frees its tree by recursion. Its memory comes from here instead:
// counted, and given back as a whole. Beyond a limit the parse is left by longjmp, over C frames
// only.
class Arena {
 public:
  Arena(std::size_t max_bytes, std::chrono::milliseconds max_time)
      : left_(max_bytes), deadline_(os::SystemClock().SteadyNow() + max_time) {}
  ~Arena() {
    while (first_.next != &first_) Unlink(first_.next);
  }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  GumboOutput* Parse(std::string_view html) {
    GumboOptions options = kGumboDefaultOptions;
    options.userdata = this;
    options.allocator = [](void* self, std::size_t size) {
      return static_cast<Arena*>(self)->Allocate(size);
    };
    options.deallocator = [](void* self, void* memory) {
      static_cast<Arena*>(self)->Release(memory);
    };
    options.max_errors = 0;
    if (setjmp(escape_) != 0) return nullptr;
    return gumbo_parse_with_options(&options, html.data(), html.size());
  }

 private:
  struct alignas(std::max_align_t) Block {
    Block* previous = nullptr;
    Block* next = nullptr;
    std::size_t size = 0;
  };

  void* Allocate(std::size_t size) {
    if ((++calls_ & 1023) == 0 && os::SystemClock().SteadyNow() > deadline_)
      std::longjmp(escape_, 1);
    const std::size_t whole = size + sizeof(Block);
    auto* block = whole > left_ ? nullptr : static_cast<Block*>(std::malloc(whole));
    if (block == nullptr) std::longjmp(escape_, 1);
    left_ -= whole;
    *block = {&first_, first_.next, whole};
    first_.next->previous = block;
    first_.next = block;
    return block + 1;
  }
  void Release(void* memory) {
    if (memory != nullptr) Unlink(static_cast<Block*>(memory) - 1);
  }
  void Unlink(Block* block) {
    block->previous->next = block->next;
    block->next->previous = block->previous;
    left_ += block->size;
    std::free(block);
  }

  Block first_{&first_, &first_, 0};
  std::size_t left_;
  os::Steady deadline_;
  std::uint64_t calls_ = 0;
  std::jmp_buf escape_;
};

const xmlChar* X(const char* text) { return reinterpret_cast<const xmlChar*>(text); }
const char* C(const xmlChar* text) { return reinterpret_cast<const char*>(text); }

std::string TagName(const GumboElement& element) {
  if (element.tag != GUMBO_TAG_UNKNOWN) return gumbo_normalized_tagname(element.tag);
  GumboStringPiece piece = element.original_tag;
  gumbo_tag_from_original_text(&piece);
  std::string name;
  for (std::size_t i = 0; i < piece.length && i < 64; ++i) {
    const char c = piece.data[i];
    name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return name.empty() ? "unknown" : name;
}

// Copies gumbo's tree into libxml2's, without recursion.
class Copier {
 public:
  Copier(xmlDoc* doc, const ParseLimits& limits) : doc_(doc), limits_(limits) {}

  bool Run(const GumboNode* root) {
    std::vector<Place> places = {{root, nullptr, 0}};
    while (!places.empty()) {
      const Place place = places.back();
      places.pop_back();
      if (nodes_ >= limits_.max_nodes) return false;
      xmlNode* copy = Copy(*place.from, place.into);
      if (copy == nullptr) continue;
      const bool element =
          place.from->type == GUMBO_NODE_ELEMENT || place.from->type == GUMBO_NODE_TEMPLATE;
      if (!element) continue;
      const GumboVector& children = place.from->v.element.children;
      if (place.depth >= limits_.max_depth) {
        complete_ &= children.length == 0;
        continue;
      }
      for (unsigned i = children.length; i > 0; --i) {
        places.push_back(
            {static_cast<const GumboNode*>(children.data[i - 1]), copy, place.depth + 1});
      }
    }
    return complete_;
  }

 private:
  struct Place {
    const GumboNode* from;
    xmlNode* into;
    int depth;
  };

  xmlNode* Copy(const GumboNode& from, xmlNode* into) {
    xmlNode* copy = nullptr;
    if (from.type == GUMBO_NODE_ELEMENT || from.type == GUMBO_NODE_TEMPLATE) {
      copy = xmlNewDocNode(doc_, nullptr, X(TagName(from.v.element).c_str()), nullptr);
      if (copy == nullptr) return nullptr;
      const GumboVector& attributes = from.v.element.attributes;
      for (unsigned i = 0; i < attributes.length && i < 256; ++i) {
        const auto* attribute = static_cast<const GumboAttribute*>(attributes.data[i]);
        xmlNewProp(copy, X(attribute->name), X(attribute->value));
      }
    } else if (from.type == GUMBO_NODE_TEXT || from.type == GUMBO_NODE_CDATA ||
               from.type == GUMBO_NODE_WHITESPACE) {
      copy = xmlNewDocText(doc_, X(from.v.text.text));
    }
    if (copy == nullptr) return nullptr;
    ++nodes_;
    if (into == nullptr) {
      xmlDocSetRootElement(doc_, copy);
      return copy;
    }
    // Linked by hand: xmlAddChild would merge texts and free the copy.
    copy->parent = into;
    copy->prev = into->last;
    (into->last != nullptr ? into->last->next : into->children) = copy;
    into->last = copy;
    return copy;
  }

  xmlDoc* doc_;
  const ParseLimits& limits_;
  int nodes_ = 0;
  bool complete_ = true;
};

bool Blank(unsigned char c) { return c <= ' '; }

// Appends with runs of blanks as one; false when it is full.
bool AppendCollapsed(std::string& out, std::string_view text, std::size_t max_bytes) {
  for (char c : text) {
    if (out.size() >= max_bytes) return false;
    if (!Blank(static_cast<unsigned char>(c))) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  return true;
}

bool Hidden(std::string_view element) {
  return element == "script" || element == "style" || element == "noscript" ||
         element == "template" || element == "head";
}

bool Block(std::string_view element) {
  return element != "a" && element != "b" && element != "i" && element != "em" &&
         element != "strong" && element != "span" && element != "small" && element != "sup" &&
         element != "sub" && element != "mark";
}

void DropPartialCharacter(std::string& out) {
  std::size_t back = 0;
  while (back < 3 && back < out.size() &&
         (static_cast<unsigned char>(out[out.size() - 1 - back]) & 0xc0) == 0x80)
    ++back;
  if (back == out.size()) return;
  const auto lead = static_cast<unsigned char>(out[out.size() - 1 - back]);
  const std::size_t need = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
  if (need > back) out.resize(out.size() - 1 - back);
}

std::string CollectText(const xmlNode* top, std::size_t max_bytes, bool visible_only) {
  std::string out;
  const xmlNode* node = top;
  while (node != nullptr) {
    const bool skip = node->type == XML_ELEMENT_NODE && visible_only && Hidden(C(node->name));
    if (node->type == XML_TEXT_NODE) {
      if (!AppendCollapsed(out, node->content != nullptr ? C(node->content) : "", max_bytes)) break;
    } else if (node->type == XML_ELEMENT_NODE && node != top && Block(C(node->name))) {
      AppendCollapsed(out, " ", max_bytes);
    }
    if (!skip && node->children != nullptr) {
      node = node->children;
      continue;
    }
    while (node != top && node->next == nullptr) node = node->parent;
    node = node == top ? nullptr : node->next;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  DropPartialCharacter(out);
  return out;
}

}  // namespace

void HtmlDocument::Free::operator()(_xmlDoc* doc) const { xmlFreeDoc(doc); }

HtmlDocument HtmlDocument::Parse(std::string_view bytes, std::string_view content_type,
                                 const ParseLimits& limits) {
  HtmlDocument document;
  document.doc_.reset(xmlNewDoc(X("1.0")));
  if (!document.doc_) {
    document.cut_ = true;
    return document;
  }
  const std::string html = ToUtf8(bytes, content_type);
  Arena arena(limits.max_memory, limits.max_time);
  const GumboOutput* parsed = arena.Parse(html);
  document.cut_ = parsed == nullptr || !Copier(document.doc_.get(), limits).Run(parsed->root);
  return document;
}

_xmlNode* HtmlDocument::root() const { return doc_ ? xmlDocGetRootElement(doc_.get()) : nullptr; }

std::string HtmlDocument::Title() const {
  std::string title;
  WalkElements(root(), [&](xmlNode* node) {
    if (title.empty() && ElementName(node) == "title") title = TextOf(node, 500);
    return title.empty() && ElementName(node) != "svg";
  });
  return title;
}

std::string HtmlDocument::VisibleText(std::size_t max_bytes) const {
  return root() == nullptr ? "" : CollectText(root(), max_bytes, true);
}

std::string_view ElementName(const _xmlNode* node) { return C(node->name); }

std::string Attribute(const _xmlNode* node, const char* name) {
  xmlChar* value = xmlGetNoNsProp(node, X(name));
  if (value == nullptr) return "";
  std::string out = C(value);
  xmlFree(value);
  return out;
}

bool HasAttribute(const _xmlNode* node, const char* name) {
  return xmlHasProp(node, X(name)) != nullptr;
}

std::string TextOf(const _xmlNode* node, std::size_t max_bytes) {
  return CollectText(node, max_bytes, false);
}

std::string CutText(std::string_view text, std::size_t max_bytes) {
  std::string out(text.substr(0, max_bytes));
  if (out.size() < text.size()) DropPartialCharacter(out);
  return out;
}

void WalkElements(_xmlNode* top, const std::function<bool(_xmlNode*)>& visit) {
  xmlNode* node = top;
  while (node != nullptr) {
    const bool enter = node->type == XML_ELEMENT_NODE && visit(node);
    if (enter && node->children != nullptr) {
      node = node->children;
      continue;
    }
    while (node != top && node->next == nullptr) node = node->parent;
    node = node == top ? nullptr : node->next;
  }
}

}  // namespace forager::collectors
