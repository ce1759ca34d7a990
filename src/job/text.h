// Texts as people read them: cut between characters and marked, in lower case.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace forager {

// At most `max` bytes of valid UTF-8, cut between characters; a cut text ends with "…".
std::string CutText(std::string_view text, std::size_t max);
// Where `text` may be cut: at most `max`, never within a character.
std::size_t CharacterEnd(std::string_view text, std::size_t max);
// ASCII only.
std::string LowerCase(std::string_view text);

}  // namespace forager
