#include "job/text.h"

namespace forager {
namespace {

constexpr std::string_view kMark = "\xE2\x80\xA6";  // …

}  // namespace

std::size_t CharacterEnd(std::string_view text, std::size_t max) {
  if (text.size() <= max) return text.size();
  std::size_t end = max;
  // A character has at most three bytes after its first; more are none of UTF-8's.
  for (int i = 0; i < 3 && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80; ++i)
    --end;
  return (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80 || end == 0 ? max : end;
}

std::string CutText(std::string_view text, std::size_t max) {
  if (text.size() <= max) return std::string(text);
  std::string cut(text.substr(0, CharacterEnd(text, max - kMark.size())));
  return cut += kMark;
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace forager
