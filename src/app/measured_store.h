// A store service that tells how long each unit of work took, from the call to its answer: what
// callers feel, waiting included.
#pragma once

#include <functional>
#include <memory>

#include "store/store_service.h"

namespace forager::app {

// `told(seconds, failed)`: on the thread that answers; `failed` for a store that could not be used,
// not for an answer such as "not found".
using ToldLatency = std::function<void(double seconds, bool failed)>;
std::unique_ptr<store::StoreService> Measure(std::unique_ptr<store::StoreService> store,
                                             ToldLatency told_write, ToldLatency told_read);

}  // namespace forager::app
