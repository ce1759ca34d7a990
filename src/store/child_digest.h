// What makes a child job the same as another: all that its parent said of it but its priority.
// Short, and the same on every server.
#pragma once

#include <string>

#include "job/job.h"

namespace forager::store {

std::string ChildDigest(const NewJob& child);

}  // namespace forager::store
