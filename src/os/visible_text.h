// Text of strangers where people read it: what a terminal or an editor would act upon is shown
// instead of obeyed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace forager::os {

// The character at `at`, which moves behind it; none, and one byte further, where it is no UTF-8.
inline constexpr char32_t kNoCharacter = 0xFFFFFFFF;
char32_t NextCharacter(std::string_view text, std::size_t& at);

// Controls (C0, DEL, C1), line separators and marks that turn or hide text.
bool IsActive(char32_t c);

// On one line, with \x1b, \u2028 or \n for what is active, and \xff for what is no text.
std::string Visible(std::string_view text);
// The same for what is JSON already: \u001b, and the replacement character.
std::string VisibleJson(std::string_view json);

}  // namespace forager::os
