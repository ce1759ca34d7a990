// Text for a terminal: what a server says is shown, never obeyed. Widths are those of a terminal's
// cells, not bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace forager::cli {

// Valid UTF-8 without anything a terminal acts upon: control characters (C0, DEL, C1), marks that
// turn the direction of text and line separators become visible escapes such as \x1b or \u202e.
// Tabs and line breaks become spaces.
std::string OneLine(std::string_view text);
// The same, but line breaks stay, and a tab is four spaces.
std::string Lines(std::string_view text);

int Width(std::string_view text);                   // cells; of clean text
std::string Cut(std::string_view text, int width);  // at most `width` cells, "…" at the end if cut
std::string Pad(std::string_view text, int width);  // cut or filled with spaces
std::string PadLeft(std::string_view text, int width);

// 95s, 3m20s, 45m, 3h5m, 30h, 6d: two figures at most.
std::string ShortSpan(std::chrono::milliseconds span);
// 0.2 s, 12.5 s, 3 min 20 s, 2 h 5 min.
std::string LongSpan(std::chrono::milliseconds span);
std::string Bytes(std::int64_t bytes);     // 64 MiB
std::string Grouped(std::int64_t number);  // 12,345

// The nearest of `candidates` to a mistyped word; "" when none is near.
std::string Nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace forager::cli
