// What a line of a program's output is, by the forms of the usual loggers of Python, Node and
// others. Pure functions over one line of text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "job/job.h"

namespace forager::supervisor {

// Without escape sequences for a terminal, and without control characters.
std::string PlainText(std::string_view line);

// The level a line names: "2026-01-01 10:00:00 [scrapy] INFO: ...", "ERROR:root:...", {"level":50},
// an exception. Nothing when it names none.
std::optional<LogLevel> LevelOf(std::string_view line);

// "ValueError: bad page", "Uncaught Error: x", "pkg.errors.OddException": the line of an exception.
bool IsException(std::string_view line);
// The first line of a Python traceback.
bool BeginsTraceback(std::string_view line);
// Says that memory ran out.
bool IsOutOfMemory(std::string_view line);
// Never what a program died of: stack frames, markers, the version of Node.
bool IsNoise(std::string_view line);

}  // namespace forager::supervisor
