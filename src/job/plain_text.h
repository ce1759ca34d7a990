// Text as editors, shells and secret stores leave it: a byte order mark in front, a line end
// behind, a password in an address.
#pragma once

#include <string>
#include <string_view>

#include "job/error.h"

namespace forager {

// A file's text without its byte order mark; UTF-16 and UTF-32 are an error that names `file`.
Result<std::string> PlainText(std::string text, std::string_view file);
// A value alone in a variable or a file: without byte order mark and line ends.
std::string OneValue(std::string_view text);

// The text with the secrets of its URLs as "...": passwords (a lone user of http, too, which is a
// token) and parameters named like one.
std::string WithoutSecrets(std::string_view text);

}  // namespace forager
