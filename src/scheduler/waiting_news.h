// What attempts said and is not stored yet: how much room it takes in memory, and what becomes of
// it when it cannot be stored. Used by the recorder.
#pragma once

#include <string>
#include <vector>

#include "store/store.h"

namespace forager::scheduler {

std::size_t SizeOf(const LogLine& line);
std::size_t SizeOf(const Change& change);
std::size_t SizeOf(const NewJob& job);

// Keeps whose they are.
void ForgetNews(store::AttemptNews& news);

// Warnings of the job's log that name each of them, up to a bound.
std::vector<LogLine> RefusedChildren(const AttemptRef& ref, const std::vector<NewJob>& children,
                                     const std::string& why, WallTime now);

}  // namespace forager::scheduler
