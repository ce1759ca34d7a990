// The engine's lines of GET /metrics, in Prometheus' text form.
#pragma once

#include <string>

#include "http/server.h"
#include "scheduler/recorder.h"
#include "store/store_service.h"
#include "supervisor/supervisor.h"

namespace forager::app {

std::string WriteMetrics(const scheduler::Recorder& recorder,
                         const supervisor::Supervisor& supervisor, const store::StoreService& store,
                         const http::Server::Figures& http, std::int64_t resets);

}  // namespace forager::app
