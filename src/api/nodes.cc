// GET /nodes, POST /nodes/{id}/drain and /nodes/{id}/resume.
#include "api/handlers.h"
#include "api/object_writer.h"
#include "job/time.h"

namespace forager::api {
namespace {

std::string NodeJson(const Call& call, const store::Node& node) {
  ObjectWriter body;
  body.Text("node_id", node.node_id)
      .Text("name", node.name)
      .Text("boot_id", node.boot_id)
      .Text("version", node.version)
      .Text("started_at", FormatRfc3339(node.started_at))
      .Text("heartbeat_at", FormatRfc3339(node.heartbeat_at))
      .Text("state", node.lost ? "lost" : node.draining ? "draining" : "live")
      .Int("running", node.running)
      .Int("capacity", node.capacity)
      .Bool("this", node.node_id == call.control().node());
  return body.Take();
}

Result<WriteWork> SetDraining(const Call& call, bool draining) {
  return [&call, draining](store::Store& store) -> Result<Answer> {
    if (auto done = store.DrainNode(call.id, draining); !done)
      return std::unexpected(done.error());
    auto nodes = store.Nodes(call.control().lease(), call.Now());
    if (!nodes) return std::unexpected(nodes.error());
    std::string body;
    for (const store::Node& node : *nodes) {
      if (node.node_id == call.id) body = NodeJson(call, node);
    }
    return [body = std::move(body)] { return Json(200, body); };
  };
}

}  // namespace

Result<ReadWork> GetNodes(const Call& call) {
  return [&call](store::Store& store) -> Result<http::Response> {
    auto nodes = store.Nodes(call.control().lease(), call.Now());
    if (!nodes) return std::unexpected(nodes.error());
    std::string list =
        WriteArray(*nodes, [&](const store::Node& node) { return NodeJson(call, node); });
    return Json(200, ObjectWriter().Raw("nodes", list).Take());
  };
}

Result<WriteWork> DrainNode(const Call& call) { return SetDraining(call, true); }
Result<WriteWork> ResumeNode(const Call& call) { return SetDraining(call, false); }

}  // namespace forager::api
