#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <map>

#include "cli/help.h"

namespace forager::cli {
namespace {

using Words = std::vector<Candidate>;

// Values that are the same everywhere; the tree names them, the API decides.
const std::map<std::string, Words>& Fixed() {
  static const std::map<std::string, Words> kFixed = {
      {"FORMAT",
       {{"table", "for people"}, {"json", ""}, {"jsonl", "one object a line"}, {"csv", ""}}},
      {"WHEN", {{"auto", ""}, {"always", ""}, {"never", ""}}},
      {"STATUS",
       {{"pending", ""}, {"running", ""}, {"completed", ""}, {"failed", ""}, {"cancelled", ""}}},
      {"ROLE",
       {{"viewer", "reads"}, {"operator", "also runs, retries, cancels"}, {"admin", "everything"}}},
      {"LEVEL", {{"debug", ""}, {"info", ""}, {"warning", ""}, {"error", ""}}},
      {"SORT",
       {{"created_at", ""},
        {"-created_at", "newest first"},
        {"started_at", ""},
        {"-started_at", ""},
        {"completed_at", ""},
        {"-completed_at", ""},
        {"updated_at", ""},
        {"-updated_at", ""},
        {"priority", ""},
        {"-priority", "highest first"}}},
      {"JOB_TYPE", {{"discovery", ""}, {"update", ""}, {"inventory", ""}}},
      {"SHELL", {{"bash", ""}, {"zsh", ""}, {"fish", ""}}},
      {"OVERLAP",
       {{"skip", "no new job"},
        {"queue", "behind the old one"},
        {"cancel_old", "cancel the old one"}}},
      {"MISSED", {{"none", "forget them"}, {"once", "one job for all"}, {"all", "a job each"}}},
      {"[on|off]", {{"on", ""}, {"off", ""}}},
  };
  return kFixed;
}

bool IsPath(const std::string& name) {
  return name == "FILE" || name == "DIR" || name == "PAGE" || name == "ROBOTS_FILE";
}

struct Place {
  const CLI::App* command;
  const CLI::Option* pending = nullptr;  // an option whose value comes next
  std::size_t arguments = 0;
  bool only_arguments = false;  // behind --
  ValueWish wish{};
};

const CLI::Option* FindOption(const CLI::App& command, const std::string& word) {
  return command.get_option_no_throw(word.substr(0, word.find('=')));
}

std::string ValueName(const CLI::Option& option) {
  std::string text = option.get_option_text();
  return option.get_positional() && text.empty() ? option.get_name(true) : text;
}

void Keep(Place& place, const CLI::Option& option, const std::string& value) {
  if (option.check_lname("url")) place.wish.url = value;
  if (option.check_lname("data-dir")) place.wish.data_dir = value;
}

void Step(Place& place, const std::string& word) {
  if (place.pending) {
    Keep(place, *place.pending, word);
    place.pending = nullptr;
  } else if (word == "--" && !place.only_arguments) {
    place.only_arguments = true;
  } else if (word.size() > 1 && word[0] == '-' && !place.only_arguments) {
    const CLI::Option* option = FindOption(*place.command, word);
    std::size_t equals = word.find('=');
    if (option && equals != word.npos) Keep(place, *option, word.substr(equals + 1));
    if (option && equals == word.npos && option->get_expected_min() > 0) place.pending = option;
  } else {
    for (const CLI::App* command : CommandsOf(*place.command)) {
      if (command->get_name() != word) continue;
      place.command = command;
      place.wish.command += (place.wish.command.empty() ? "" : " ") + word;
      return;
    }
    ++place.arguments;
  }
}

bool Begins(const std::string& word, const std::string& begin) { return word.starts_with(begin); }

void AddValues(Completion& out, Place& place, const std::string& name, const std::string& before,
               const std::string& typed, const AskServer& ask) {
  if (IsPath(name)) {
    out.files = true;
    return;
  }
  std::string head = before, tail = typed;
  if (name == "STATUS") {  // a list with commas
    std::size_t comma = tail.rfind(',');
    if (comma != tail.npos) {
      head += tail.substr(0, comma + 1);
      tail = tail.substr(comma + 1);
    }
  }
  auto fixed = Fixed().find(name);
  place.wish.name = name;
  for (const Candidate& one : fixed != Fixed().end() ? fixed->second : ask(place.wish)) {
    if (Begins(one.word, tail)) out.candidates.push_back({head + one.word, one.about});
  }
}

void AddOptions(Completion& out, const CLI::App& command, const std::string& typed) {
  for (const OptionWords& option : OptionsOf(command)) {
    if (option.positional) continue;
    std::string names = option.names + ", ", about = option.help;
    for (std::size_t at = 0; at < names.size();) {
      std::size_t end = names.find(", ", at);
      std::string name = names.substr(at, end - at);
      at = end + 2;
      bool shown = Begins(name, typed) && (name.starts_with("--") || typed == "-");
      if (shown) out.candidates.push_back({name, about});
    }
  }
}

}  // namespace

Completion Complete(const CLI::App& root, const std::vector<std::string>& words,
                    const AskServer& ask) {
  Place place{&root};
  for (std::size_t i = 0; i + 1 < words.size(); ++i) Step(place, words[i]);
  std::string typed = words.empty() ? "" : words.back();
  Completion out;
  std::size_t equals = typed.find('=');
  if (place.pending) {
    AddValues(out, place, ValueName(*place.pending), "", typed, ask);
  } else if (typed.starts_with("--") && equals != typed.npos) {
    if (const CLI::Option* option = FindOption(*place.command, typed))
      AddValues(out, place, ValueName(*option), typed.substr(0, equals + 1),
                typed.substr(equals + 1), ask);
  } else if (typed.starts_with('-') && !place.only_arguments) {
    AddOptions(out, *place.command, typed);
  } else if (auto commands = CommandsOf(*place.command); !commands.empty()) {
    for (const CLI::App* command : commands) {
      if (Begins(command->get_name(), typed))
        out.candidates.push_back({command->get_name(), command->get_description()});
    }
  } else {
    std::size_t number = 0;
    for (const CLI::Option* option : place.command->get_options()) {
      if (!option->get_positional() || option->get_group().empty()) continue;
      bool here = number++ == place.arguments ||
                  (option->get_expected_max() > 1 && place.arguments >= number);
      if (!here) continue;
      AddValues(out, place, ValueName(*option), "", typed, ask);
      break;
    }
  }
  return out;
}

std::string CompletionScript(const std::string& shell) {
  if (shell == "bash") {
    return R"(# bash completion for forager: `source <(forager completion bash)`
_forager() {
  local word value about given=() cut=""
  # bash takes --output=json for three words.
  for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
    if [[ ${#given[@]} -gt 0 && ( $word == "=" || ${given[-1]} == --*= ) ]]; then
      given[-1]+=$word
    else
      given+=("$word")
    fi
  done
  if [[ ${given[-1]} == --*=* ]]; then cut=${given[-1]%%=*}=; fi
  COMPREPLY=()
  while IFS=$'\t' read -r value about; do
    if [[ $value == ":files" ]]; then
      compopt -o default 2>/dev/null
      COMPREPLY=()
      return
    fi
    COMPREPLY+=("${value#"$cut"}")
  done < <("${COMP_WORDS[0]/#\~/$HOME}" __complete -- "${given[@]}" 2>/dev/null)
}
complete -o nosort -F _forager forager 2>/dev/null || complete -F _forager forager
)";
  }
  if (shell == "zsh") {
    return R"(#compdef forager
# zsh completion for forager: `source <(forager completion zsh)`, or a file _forager in $fpath
_forager() {
  local line value about
  local -a found lines
  lines=("${(@f)$("${(Q)words[1]/#\~/$HOME}" __complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  for line in $lines; do
    if [[ $line == ":files" ]]; then
      _files
      return
    fi
    value=${line%%$'\t'*}
    about=${line#*$'\t'}
    found+=("${value//:/\\:}:${about}")
  done
  (( $#found )) && _describe -V 'forager' found
}
if [[ ${funcstack[1]} == _forager ]]; then
  _forager "$@"
elif (( $+functions[compdef] )); then
  compdef _forager forager
fi
)";
  }
  if (shell == "fish") {
    return R"(# fish completion for forager: `forager completion fish | source`
function __forager_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    set -l found ($program __complete -- $words "$typed" 2>/dev/null)
    if contains ':files' $found
        __fish_complete_path "$typed"
    else
        printf '%s\n' $found
    end
end
complete -c forager -f -k -a '(__forager_complete)'
)";
  }
  return "";
}

}  // namespace forager::cli
