// completion, man, and what the completion scripts ask.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/completion.h"
#include "cli/json_text.h"
#include "cli/text.h"
#include "cli/tree.h"

namespace forager::cli {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kPatience{1'500};  // a person waits at the Tab key

// Jobs that a command can do something with.
std::string StatusFor(const std::string& command) {
  if (command == "jobs start") return "pending";
  if (command == "jobs cancel" || command == "jobs watch") return "pending,running";
  if (command == "jobs retry") return "failed,cancelled";
  return "";
}

struct Source {
  const char* value;  // what help calls it
  std::string path;
  const char *list, *word, *about;
};

std::vector<Candidate> FromServer(const Session& session, const ValueWish& wish) {
  const Source sources[] = {
      {"JOB_ID", Query().Add("status", StatusFor(wish.command)).Add("page_size", 50).On("/jobs"),
       "jobs", "job_id", ""},
      {"ENTITY_TYPE", "/types", "types", "entity_type", "collector"},
      {"TOKEN_ID", "/tokens", "tokens", "id", "name"},
      {"SCHEDULE", "/schedules?page_size=100", "schedules", "name", "words"},
      {"NODE", "/nodes", "nodes", "node_id", "state"},
  };
  auto source = std::ranges::find(sources, wish.name, &Source::value);
  if (source == std::end(sources)) return {};
  auto server = FindServer(wish.url, wish.data_dir, session.environment);
  if (!server) return {};
  server->attend = [](http::ClientRequest& request) { request.timeout = kPatience; };
  Client client(std::move(*server));
  auto answer = client.Get(source->path);
  if (!answer) return {};
  std::vector<Candidate> found;
  if (const json::array* list = At(*answer, source->list).if_array()) {
    for (const json::value& one : *list) {
      std::string about = source->about[0]
                              ? TextAt(one, source->about)
                              : fmt::format("{} {}/{}", TextAt(one, "status"),
                                            TextAt(one, "entity_type"), TextAt(one, "job_type"));
      found.push_back({OneLine(TextAt(one, source->word)), OneLine(about)});
    }
  }
  return found;
}

int PrintCandidates(Client& client, const CLI::App& root, const Session& session,
                    const std::vector<std::string>& words) {
  Completion completion =
      Complete(root, words, [&](const ValueWish& wish) { return FromServer(session, wish); });
  if (completion.files) client.out.Line(":files");
  for (const Candidate& one : completion.candidates) client.out.Line(one.word + "\t" + one.about);
  return kDone;
}

}  // namespace

void AddShellCommands(CLI::App& root, Session& session) {
  auto shell = std::make_shared<std::string>();
  CLI::App& completion = AddLocalCommand(
      root, session,
      {"completion", "print the completion script of a shell",
       "Completes commands, options, values, and ids by asking the server.",
       "# bash, for this shell; or into ~/.bashrc\nsource <(forager completion bash)\n"
       "# zsh\nforager completion zsh > \"${fpath[1]}/_forager\"\n"
       "# fish\nforager completion fish > ~/.config/fish/completions/forager.fish\n"},
      [shell](Client& client) {
        client.out.Write(CompletionScript(*shell));
        return kDone;
      });
  completion.add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion.group("Tools");

  AddLocalCommand(root, session,
                  {"man", "print the manual page, in roff", "", "forager man | man -l -\n"},
                  [&root, &session](Client& client) {
                    client.out.Write(ManPage(root, session.version));
                    return kDone;
                  })
      .group("Tools");

  auto words = std::make_shared<std::vector<std::string>>();
  CLI::App& ask =
      AddLocalCommand(root, session, {"__complete", "what the completion scripts ask", "", ""},
                      [&root, &session, words](Client& client) {
                        return PrintCandidates(client, root, session, *words);
                      });
  ask.group("");
  ask.add_option("WORDS", *words)->allow_extra_args();
}

}  // namespace forager::cli
