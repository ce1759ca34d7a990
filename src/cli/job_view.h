// One job as a person reads it, and what may be done next about a reason the server gives.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>

#include "cli/client.h"

namespace forager::cli {

void PrintJob(Client& client, const boost::json::value& job);
// "█████░░░░░  50%  reading  page 3 of 6  1m20s", at most `width` cells.
std::string ProgressLine(const boost::json::value& job, WallTime now, int width, bool utf8);
// A command for a reason of `jobs explain`; "" when nothing is to be done.
std::string NextFor(std::string_view code, std::string_view job_id);

bool IsOver(std::string_view status);
// The exit code that tells how a followed job ended.
int CodeOfEnd(std::string_view status);

}  // namespace forager::cli
