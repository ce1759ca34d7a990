#include "app/command_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>

#include "app/setting_values.h"

namespace forager::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

constexpr std::string_view kWrappers[] = {"env",    "nice",   "ionice",  "timeout",
                                          "stdbuf", "setsid", "xvfb-run"};

struct Interpreter {
  std::string_view name;   // a version may follow: python3.11
  std::string_view valued;  // one-letter options whose value is a word of its own
  std::string_view inline_code;  // one-letter options that take the place of a script
};
constexpr Interpreter kInterpreters[] = {
    {"python", "WX", "cm"}, {"pypy", "WX", "cm"}, {"node", "rC", "ep"}, {"nodejs", "rC", "ep"},
    {"bun", "r", "ep"},     {"sh", "oO", "cs"},   {"bash", "oO", "cs"}, {"dash", "o", "cs"},
    {"zsh", "o", "cs"},     {"ksh", "o", "cs"},   {"ruby", "rIC", "e"}, {"perl", "IMm", "eE"},
    {"php", "cdz", "r"},    {"Rscript", "", "e"}, {"lua", "l", "e"}};
constexpr std::string_view kValuedWords[] = {"--require", "--import", "--loader", "--init-file",
                                             "--rcfile"};
constexpr std::string_view kInlineWords[] = {"--eval", "--print", "--test"};
constexpr std::string_view kScriptEndings[] = {".py", ".js",  ".mjs", ".cjs", ".ts", ".sh",
                                               ".rb", ".pl",  ".php", ".R",   ".lua"};

std::string NameOf(const std::string& word) { return fs::path(word).filename().string(); }

const Interpreter* FindInterpreter(const std::string& word) {
  std::string name = NameOf(word);
  auto found = std::ranges::find_if(kInterpreters, [&](const Interpreter& one) {
    return name.starts_with(one.name) &&
           name.find_first_not_of("0123456789.", one.name.size()) == name.npos;
  });
  return found == std::end(kInterpreters) ? nullptr : found;
}

template <typename Words>
bool IsOneOf(const std::string& word, const Words& words) {
  return std::ranges::find(words, word) != std::end(words);
}

// Behind wrappers only: `echo python3 data` runs no Python.
std::optional<std::size_t> InterpreterAt(const std::vector<std::string>& words) {
  if (FindInterpreter(words[0])) return 0;
  if (!IsOneOf(NameOf(words[0]), kWrappers)) return std::nullopt;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (FindInterpreter(words[i])) return i;
  }
  return std::nullopt;
}

// The word that an interpreter reads as its program; none when it gets that otherwise.
std::optional<std::size_t> ScriptAt(const std::vector<std::string>& words) {
  auto at = InterpreterAt(words);
  if (!at) return std::nullopt;
  const Interpreter& interpreter = *FindInterpreter(words[*at]);
  for (std::size_t i = *at + 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") return i + 1 < words.size() ? std::optional(i + 1) : std::nullopt;
    if (word.size() < 2 || word[0] != '-') return word == "-" ? std::nullopt : std::optional(i);
    if (word.starts_with("--")) {
      if (IsOneOf(word, kInlineWords)) return std::nullopt;
      if (IsOneOf(word, kValuedWords)) ++i;
      continue;
    }
    if (word.find_first_of(interpreter.inline_code, 1) != word.npos) return std::nullopt;
    if (interpreter.valued.find(word.back()) != interpreter.valued.npos) ++i;
  }
  return std::nullopt;
}

bool IsFile(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

std::string InFull(const fs::path& path) {
  std::error_code error;
  return fs::absolute(path, error).lexically_normal().string();
}

bool IsOnPath(const std::string& program) {
  const char* set = std::getenv("PATH");
  std::string_view rest = set ? set : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    auto colon = std::min(rest.find(':'), rest.size());
    if (IsFile(fs::path(rest.substr(0, colon)) / program)) return true;
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  return false;
}

// Beside the configuration file, else in the server's own directory.
std::optional<std::string> FindFile(const std::string& word, const std::string& base) {
  for (const fs::path& path : {fs::path(base) / word, fs::path(word)}) {
    if (IsFile(path)) return InFull(path);
  }
  return std::nullopt;
}

bool LooksLikeAFile(const std::string& word) {
  return std::ranges::any_of(kScriptEndings, [&](auto ending) { return word.ends_with(ending); });
}

bool IsGoodName(std::string_view name) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  return !name.empty() && name.size() <= 200 && name.find_first_not_of(kLetters) == name.npos;
}

std::string WrongName(const std::string& name) {
  if (name.starts_with("FORAGER_")) {
    return fmt::format("names of your own: {} belongs to forager, whose variables are set by "
                       "itself or hold its secrets",
                       name);
  }
  if (!IsGoodName(name)) return "names of letters, digits, _, . and -";
  return "";
}

bool HasNul(const std::string& text) { return text.find('\0') != text.npos; }

std::string KeepEnvironment(const FileValue& value, TypeSettings& type) {
  if (!value.is_table) return "a table: env = { NAME = \"VALUE\" }";
  std::size_t bytes = 0;
  for (const auto& [name, text] : value.table) {
    if (std::string wrong = WrongName(name); !wrong.empty()) return wrong;
    if (HasNul(text)) return fmt::format("text without NUL characters, which {} has", name);
    bytes += name.size() + text.size() + 2;
    type.environment.insert_or_assign(name, text);
  }
  if (bytes > kMaxEnvironmentBytes)
    return fmt::format("at most {} KiB together", kMaxEnvironmentBytes / 1024);
  return "";
}

// Of the server's own. What an empty one or a stray newline at its end was meant to say is nothing.
std::string PassEnvironment(const FileValue& value, TypeSettings& type) {
  if (value.is_table) return "an array of names";
  for (const std::string& name : value.is_array ? value.items : std::vector{value.text}) {
    if (std::string wrong = WrongName(name); !wrong.empty()) return wrong;
    const char* set = std::getenv(name.c_str());
    std::string_view text = set ? set : "";
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
    if (!text.empty()) type.environment.try_emplace(name, text);
  }
  return "";
}

std::string KeepDirectory(const FileValue& value, const std::string& base, TypeSettings& type) {
  if (value.is_array || value.is_table || value.text.empty() || HasNul(value.text))
    return "a directory";
  fs::path path = fs::path(base) / value.text;
  std::error_code error;
  bool is_directory = fs::is_directory(path, error);
  if (error && error != std::errc::permission_denied)
    return fmt::format("a directory, but {}: {}", InFull(path), error.message());
  if (!error && !is_directory) return fmt::format("a directory, which {} is not", InFull(path));
  type.directory = InFull(path);
  return "";
}

std::string KeepCommand(const FileValue& value, TypeSettings& type) {
  type.command = value.is_array ? value.items : std::vector<std::string>{value.text};
  bool good = !value.is_table && !type.command.empty() && !type.command[0].empty() &&
              std::ranges::none_of(type.command, HasNul);
  return good ? "" : "an array: the program and its arguments";
}

std::string KeepOutput(const FileValue& value, TypeSettings& type) {
  auto choice = ParseChoice(value.text, {"events", "jsonl", "text"});
  if (!choice) return choice.error();
  type.output = *choice == "jsonl" ? Output::kItems
                : *choice == "text" ? Output::kText
                                    : Output::kEvents;
  return "";
}

}  // namespace

std::optional<std::string> ApplyCommandKey(const std::string& key, const FileValue& value,
                                           const std::string& base, TypeSettings& type) {
  if (key == "command") return KeepCommand(value, type);
  if (key == "directory") return KeepDirectory(value, base, type);
  if (key == "env") return KeepEnvironment(value, type);
  if (key == "pass_env") return PassEnvironment(value, type);
  if (key == "output") return KeepOutput(value, type);
  return std::nullopt;
}

std::vector<std::string> ResolveWords(TypeSettings& type, const std::string& base) {
  std::vector<std::string> warnings;
  if (type.command.empty() || !type.directory.empty()) return warnings;
  std::vector<std::string>& words = type.command;
  auto script = ScriptAt(words);
  std::string& program = words[0];
  bool by_path = program.find('/') == program.npos && IsOnPath(program);
  if (!program.starts_with('/') && !by_path) {
    if (auto found = FindFile(program, base)) program = *found;
  }
  std::string folder = InFull(base.empty() ? "." : base);
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i].starts_with('/') || words[i].starts_with('-')) continue;
    auto found = FindFile(words[i], base);
    if (script == i && found) {
      words[i] = *found;
    } else if (script == i && LooksLikeAFile(words[i])) {
      warnings.push_back(
          fmt::format("types.{}: {} is no file in {}: name it in full, or set directory",
                      type.entity_type, words[i], folder));
    } else if (found && (LooksLikeAFile(words[i]) || words[i].find('/') != std::string::npos)) {
      warnings.push_back(fmt::format(
          "types.{}: {} will not be found, since the command runs in its scratch directory: name "
          "it in full, or set directory = \"{}\"",
          type.entity_type, words[i], folder));
    }
  }
  return warnings;
}

}  // namespace forager::app
