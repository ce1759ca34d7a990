#include <unicode/ucnv.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>

#include "collectors/page_parser.h"

namespace forager::collectors {
namespace {

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// What follows "charset=" in a Content-Type or in the head of a page.
std::string CharsetIn(std::string_view text) {
  const std::string lower = Lower(text);
  for (auto at = lower.find("charset"); at != lower.npos; at = lower.find("charset", at + 1)) {
    auto i = lower.find_first_not_of(" \t\r\n", at + 7);
    if (i == lower.npos || lower[i] != '=') continue;
    i = lower.find_first_not_of(" \t\r\n\"'", i + 1);
    if (i == lower.npos) return "";
    return lower.substr(
        i, std::min<std::size_t>(lower.find_first_of(" \t\r\n\"';/>", i), lower.size()) - i);
  }
  return "";
}

std::string CharsetInHead(std::string_view bytes) {
  std::string_view head = bytes.substr(0, 2048);
  for (auto at = head.find('<'); at != head.npos; at = head.find('<', at + 1)) {
    if (Lower(head.substr(at, 5)) != "<meta") continue;
    const std::string found = CharsetIn(head.substr(at, head.find('>', at) - at));
    if (!found.empty())
      return found.starts_with("utf-16") ? "utf-8" : found;  // the bytes were readable
  }
  return "";
}

bool IsUtf8(std::string_view text) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  const auto length = static_cast<std::int32_t>(text.size());
  for (std::int32_t i = 0; i < length;) {
    UChar32 c = 0;
    U8_NEXT(bytes, i, length, c);
    if (c < 0) return false;
  }
  return true;
}

std::string ReplaceInvalid(std::string_view text) {
  if (IsUtf8(text)) return std::string(text);
  std::string out;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  const auto length = static_cast<std::int32_t>(text.size());
  for (std::int32_t i = 0; i < length;) {
    const std::int32_t start = i;
    UChar32 c = 0;
    U8_NEXT(bytes, i, length, c);
    if (c < 0) {
      out += "\xef\xbf\xbd";
    } else {
      out.append(text, static_cast<std::size_t>(start), static_cast<std::size_t>(i - start));
    }
  }
  return out;
}

// Nothing for a character set nobody knows.
std::optional<std::string> Convert(std::string_view bytes, const std::string& charset) {
  // The web's rule: these two names mean windows-1252.
  const std::string name =
      charset == "iso-8859-1" || charset == "latin1" || charset == "us-ascii" || charset == "ascii"
          ? "windows-1252"
          : charset;
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<UConverter, decltype(&ucnv_close)> from(ucnv_open(name.c_str(), &status),
                                                                ucnv_close);
  if (U_FAILURE(status) || !from) return std::nullopt;
  const std::unique_ptr<UConverter, decltype(&ucnv_close)> to(ucnv_open("UTF-8", &status),
                                                              ucnv_close);
  if (U_FAILURE(status) || !to) return std::nullopt;
  std::string out(bytes.size() * 4 + 16, '\0');
  char* target = out.data();
  const char* source = bytes.data();
  ucnv_convertEx(to.get(), from.get(), &target, out.data() + out.size(), &source,
                 bytes.data() + bytes.size(), nullptr, nullptr, nullptr, nullptr, true, true,
                 &status);
  if (U_FAILURE(status)) return std::nullopt;
  out.resize(static_cast<std::size_t>(target - out.data()));
  return out;
}

}  // namespace

std::string ToUtf8(std::string_view bytes, std::string_view content_type) {
  if (bytes.starts_with("\xef\xbb\xbf")) return ReplaceInvalid(bytes.substr(3));
  std::string charset;
  if (bytes.starts_with("\xff\xfe"))
    charset = "utf-16le", bytes.remove_prefix(2);
  else if (bytes.starts_with("\xfe\xff"))
    charset = "utf-16be", bytes.remove_prefix(2);
  if (charset.empty()) charset = CharsetIn(content_type);
  if (charset.empty()) charset = CharsetInHead(bytes);
  if (charset.empty()) charset = IsUtf8(bytes) ? "utf-8" : "windows-1252";
  if (charset == "utf-8" || charset == "utf8") return ReplaceInvalid(bytes);
  auto converted = Convert(bytes, charset);
  return converted ? ReplaceInvalid(*converted) : ReplaceInvalid(bytes);
}

}  // namespace forager::collectors
