#include "os/visible_text.h"

#include <fmt/format.h>

#include <iterator>

namespace forager::os {
namespace {

template <typename Escape>
std::string Escaped(std::string_view text, Escape escape) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    std::size_t begin = at;
    char32_t c = NextCharacter(text, at);
    if (c != kNoCharacter && !IsActive(c)) {
      out.append(text, begin, at - begin);
    } else {
      escape(c, static_cast<unsigned char>(text[begin]), std::back_inserter(out));
    }
  }
  return out;
}

}  // namespace

char32_t NextCharacter(std::string_view text, std::size_t& at) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(at);
  std::size_t begin = at++;
  if (lead < 0x80) return lead;
  std::size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  if (lead < 0xC2 || lead > 0xF4 || begin + more >= text.size()) return kNoCharacter;
  char32_t c = lead & (0x3Fu >> more);
  for (std::size_t i = 1; i <= more; ++i) {
    if ((byte(begin + i) & 0xC0) != 0x80) return kNoCharacter;
    c = (c << 6) | (byte(begin + i) & 0x3Fu);
  }
  constexpr char32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
  if (c < kLeast[more] || (c >= 0xD800 && c < 0xE000) || c > 0x10FFFF) return kNoCharacter;
  at = begin + more + 1;
  return c;
}

bool IsActive(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||
         (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE0FFF);
}

std::string Visible(std::string_view text) {
  return Escaped(text, [](char32_t c, unsigned char byte, auto out) {
    if (c == '\n')
      fmt::format_to(out, "\\n");
    else if (c == kNoCharacter || c < 0x100)
      fmt::format_to(out, "\\x{:02x}", c == kNoCharacter ? byte : static_cast<unsigned>(c));
    else
      fmt::format_to(out, "\\u{:04x}", static_cast<unsigned>(c));
  });
}

std::string VisibleJson(std::string_view json) {
  return Escaped(json, [](char32_t c, unsigned char, auto out) {
    if (c == kNoCharacter) c = 0xFFFD;
    auto code = static_cast<unsigned>(c);
    if (code < 0x10000) {
      fmt::format_to(out, "\\u{:04x}", code);
    } else {
      code -= 0x10000;
      fmt::format_to(out, "\\u{:04x}\\u{:04x}", 0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF));
    }
  });
}

}  // namespace forager::os
