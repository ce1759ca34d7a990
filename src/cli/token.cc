// token create, list and revoke: who may use the API.
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
    {"ID", "id"},
    {"NAME", "name"},
    {"ROLE", "role"},
    {"CREATED", "created_at", Show::kAge},
    {"LAST USED", "last_used_at", Show::kAge},
    {"REVOKED", "revoked_at", Show::kAge},
};

int Create(Client& client, const std::string& role, const std::string& name) {
  auto made = client.Send("POST", "/tokens", json::object{{"role", role}, {"name", name}});
  if (!made) return client.Complain(made.error());
  if (client.format != Format::kTable) {
    client.PrintJson(*made);
    return kDone;
  }
  std::string token = TextAt(*made, "token");
  if (token.empty()) return Complain("the server's answer has no token in it", "", kRefused);
  client.out.Line(OneLine(token));
  if (client.out_is_terminal) client.Note("It is shown only now. Use it as FORAGER_TOKEN.");
  return kDone;
}

int List(Client& client, bool all) {
  auto answer = client.Get("/tokens");
  if (!answer) return client.Complain(answer.error());
  RowWriter rows(client, kColumns);
  if (const json::array* tokens = At(*answer, "tokens").if_array()) {
    for (const json::value& token : *tokens) {
      if (all || At(token, "revoked_at").is_null()) rows.Add(token);
    }
  }
  rows.End("No tokens.");
  return kDone;
}

int Revoke(Client& client, const std::vector<std::string>& ids) {
  int code = kDone;
  for (const std::string& id : ids) {
    auto answer = client.Delete("/tokens/" + http::PercentEncode(id));
    if (!answer)
      code = client.Complain(answer.error(), "`forager token list` shows their ids");
    else if (client.format != Format::kTable)
      client.PrintJson(*answer);
    else
      client.out.Line(OneLine(TextAt(*answer, "message")));
  }
  return code;
}

}  // namespace

void AddTokenCommands(CLI::App& root, Session& session) {
  CLI::App& token = AddGroup(root, {"token", "make, list and revoke tokens for the API", "", ""});
  token.group("Server");
  struct Wish {
    std::string role, name;
  };
  auto wish = std::make_shared<Wish>();
  CLI::App& create =
      AddCommand(token, session,
                 {"create", "make a token; it is shown once", "",
                  "forager token create --role operator --name \"nightly import\"\n"},
                 [wish](Client& client) { return Create(client, wish->role, wish->name); });
  AddOption(create, "--role", wish->role, "ROLE", "metrics, viewer, operator or admin");
  AddOption(create, "--name", wish->name, "NAME", "what it is for");
  create.get_option("--role")->required();
  create.get_option("--name")->required();
  auto all = std::make_shared<bool>(false);
  AddFlag(AddCommand(token, session, {"list", "list tokens", "", ""},
                     [all](Client& client) { return List(client, *all); }),
          "-a,--all", *all, "revoked ones too");
  auto ids = std::make_shared<std::vector<std::string>>();
  AddArguments(AddCommand(token, session,
                          {"revoke", "revoke tokens at once", "", "forager token revoke 3\n"},
                          [ids](Client& client) { return Revoke(client, *ids); }),
               "TOKEN_ID", *ids, "which");
}

}  // namespace forager::cli
