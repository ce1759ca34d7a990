// nodes: the servers that share one database.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/json_text.h"
#include "cli/rows.h"
#include "cli/text.h"
#include "cli/tree.h"

namespace forager::cli {
namespace {

namespace json = boost::json;

constexpr Column kColumns[] = {
    {"NODE", "node_id", Show::kText, 50},
    {"NAME", "name", Show::kText, 30},
    {"STATE", "state", Show::kState},
    {"RUNNING", "running", Show::kNumber},
    {"AT MOST", "capacity", Show::kNumber},
    {"VERSION", "version"},
    {"UP", "started_at", Show::kAge},
    {"SEEN", "heartbeat_at", Show::kAge},
    {"", "boot_id"},
};

int List(Client& client) {
  auto answer = client.Get("/nodes");
  if (!answer) return client.Complain(answer.error());
  RowWriter rows(client, kColumns);
  if (const json::array* nodes = At(*answer, "nodes").if_array()) {
    for (const json::value& node : *nodes) rows.Add(node);
  }
  rows.End("No node is known.");
  return kDone;
}

int Steer(Client& client, const std::vector<std::string>& ids, const std::string& what) {
  int code = kDone;
  for (const std::string& id : ids) {
    auto answer = client.Post(fmt::format("/nodes/{}/{}", http::PercentEncode(id), what));
    if (!answer) {
      code = client.Complain(answer.error(), "`forager nodes list` shows their ids");
    } else if (client.format != Format::kTable) {
      client.PrintJson(*answer);
    } else {
      client.out.Line(fmt::format("{} is {}: {} running", OneLine(id),
                                  OneLine(TextAt(*answer, "state")), TextAt(*answer, "running")));
    }
  }
  return code;
}

}  // namespace

void AddNodeCommands(CLI::App& root, Session& session) {
  CLI::App& nodes = AddGroup(root, {"nodes", "the servers that share the database", "", ""});
  nodes.group("Server");
  AddCommand(nodes, session, {"list", "list the servers, and what each runs", "", ""}, List);
  for (const char* what : {"drain", "resume"}) {
    bool drain = std::string_view(what) == "drain";
    auto ids = std::make_shared<std::vector<std::string>>();
    AddArguments(
        AddCommand(nodes, session,
                   {what,
                    drain ? "let servers start no more jobs; what runs there ends by itself"
                          : "let drained servers start jobs again",
                    "",
                    drain ? "# before an upgrade: drain, wait until nothing runs there, stop "
                            "it\nforager nodes drain web1-3f9c2a\nforager nodes list\n"
                          : ""},
                   [ids, what](Client& client) { return Steer(client, *ids, what); }),
        "NODE", *ids, "their ids");
  }
}

}  // namespace forager::cli
