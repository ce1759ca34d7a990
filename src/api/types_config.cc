// GET /types and GET /config.
#include "api/handlers.h"
#include "api/object_writer.h"

namespace forager::api {
namespace {

double Seconds(Millis duration) { return static_cast<double>(duration.count()) / 1e3; }

// A command's argv stays out: people put secrets there.
void WriteSettings(ObjectWriter& body, const TypeSettings& type) {
  body.Number("timeout_minutes", Seconds(type.timeout) / 60)
      .Number("heartbeat_timeout_seconds", Seconds(type.heartbeat_timeout))
      .Bool("heartbeat_set", type.heartbeat_set)
      .Number("stall_timeout_seconds", Seconds(type.stall_timeout))
      .Number("grace_seconds", Seconds(type.grace))
      .Int("memory_bytes", type.limits.memory_bytes)
      .Int("max_processes", type.limits.max_processes)
      .Int("max_scratch_bytes", type.limits.scratch_bytes)
      .Int("priority", type.priority)
      .Int("max_attempts", type.retry.max_attempts)
      .Int("max_crashes", type.retry.max_crashes)
      .Number("backoff_seconds", Seconds(type.retry.backoff));
  type.max_running > 0 ? body.Int("max_running", type.max_running)
                       : body.Raw("max_running", "null");
}

// The names of its variables, not their values: people put secrets there too.
void WriteCommand(ObjectWriter& body, const TypeSettings& type) {
  bool command = !type.command.empty();
  command ? body.Text("output", Name(type.output)) : body.Raw("output", "null");
  type.directory.empty() ? body.Raw("directory", "null") : body.Text("directory", type.directory);
  std::vector<std::string> names;
  for (const auto& [name, value] : type.environment) names.push_back(name);
  body.Texts("environment", names);
}

}  // namespace

Result<http::Response> GetTypes(const Call& call) {
  auto catalog = call.control().types();
  std::string types = WriteArray(catalog->types(), [](const auto& entry) {
    ObjectWriter body;
    body.Text("entity_type", entry.first).Text("collector", entry.second.collector);
    WriteCommand(body, entry.second);
    WriteSettings(body, entry.second);
    return body.Take();
  });
  ObjectWriter defaults;
  WriteSettings(defaults, catalog->defaults());
  return Json(200, ObjectWriter().Raw("types", types).Raw("defaults", defaults.Take()).Take());
}

Result<http::Response> GetConfig(const Call& call) {
  std::string settings = WriteArray(call.control().settings(), [](const SettingView& setting) {
    return ObjectWriter()
        .Text("name", setting.name)
        .Text("value", setting.value)
        .Text("source", setting.source)
        .Take();
  });
  return Json(200, ObjectWriter()
                       .Text("version", call.services->options.version)
                       .Raw("settings", settings)
                       .Take());
}

}  // namespace forager::api
