#include "cli/help.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/client.h"
#include "cli/session.h"
#include "cli/text.h"

namespace forager::cli {
namespace {

constexpr std::string_view kExamples = "\n\f\n";
constexpr int kMaxNames = 28;

std::string Trimmed(std::string text) {
  while (text.ends_with(' ') || text.ends_with('\n')) text.pop_back();
  auto from = text.find_first_not_of(" \n");
  return from == text.npos ? "" : text.substr(from);
}

std::string Indented(const std::string& text, const std::string& indent) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) out += indent;
    out.append(text, at, end - at).append("\n");
    at = end + 1;
  }
  return out;
}

// Two columns: names, and help wrapped at 80 cells.
std::string Entry(const std::string& names, const std::string& help, int width) {
  std::string line = fmt::format("  {:<{}}", names, width);
  if (Width(names) > width) line += "\n" + std::string(static_cast<std::size_t>(width) + 2, ' ');
  std::string out;
  int room = std::max(30, 80 - width - 4), used = 0;
  line += "  ";
  std::size_t at = 0;
  while (at < help.size()) {
    std::size_t end = std::min(help.find(' ', at), help.size());
    std::string word = help.substr(at, end - at);
    if (used > 0 && used + 1 + Width(word) > room) {
      line += "\n" + std::string(static_cast<std::size_t>(width) + 4, ' ');
      used = 0;
    }
    if (used > 0) line += ' ', ++used;
    line += word;
    used += Width(word);
    at = end + 1;
  }
  return line + "\n";
}

// Each line of the text in lines of at most 80 cells.
std::string Wrapped(const std::string& text) {
  std::string out;
  int used = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = std::min(text.find_first_of(" \n", at), text.size());
    std::string word = text.substr(at, end - at);
    if (used > 0 && used + 1 + Width(word) > 80) {
      out += '\n';
      used = 0;
    }
    if (used > 0) out += ' ', ++used;
    out += word;
    used += Width(word);
    if (end < text.size() && text[end] == '\n') {
      out += '\n';
      used = 0;
    }
    at = end + 1;
  }
  return out;
}

std::string Names(const OptionWords& option) {
  return option.value.empty() ? option.names : fmt::format("{} {}", option.names, option.value);
}

std::string Usage(const CLI::App& command, const std::vector<OptionWords>& options) {
  std::string usage = FullName(command);
  bool any = false;
  for (const OptionWords& option : options) any |= !option.positional;
  if (!CommandsOf(command).empty()) return usage + " COMMAND";
  for (const OptionWords& option : options) {
    if (!option.positional) continue;
    std::string name = option.names + (option.many ? "..." : "");
    usage += option.required ? " " + name : " [" + name + "]";
  }
  return any ? usage + " [options]" : usage;
}

std::string CommandLists(const CLI::App& command) {
  std::vector<std::string> groups;
  int width = 10;
  for (const CLI::App* one : CommandsOf(command)) {
    if (std::ranges::find(groups, one->get_group()) == groups.end())
      groups.push_back(one->get_group());
    width = std::max(width, Width(one->get_name()));
  }
  std::string out;
  for (const std::string& group : groups) {
    bool plain = group == "Subcommands" || group == command.get_group();
    out += fmt::format("\n{}\n", plain ? "Commands" : group);
    for (const CLI::App* one : CommandsOf(command)) {
      if (one->get_group() == group) out += Entry(one->get_name(), one->get_description(), width);
    }
  }
  return out;
}

std::string OptionLists(const std::vector<OptionWords>& options) {
  std::vector<std::string> groups;
  int width = 12;
  for (const OptionWords& option : options) {
    if (std::ranges::find(groups, option.group) == groups.end()) groups.push_back(option.group);
    width = std::max(width, std::min(kMaxNames, Width(Names(option))));
  }
  std::string out;
  for (const std::string& group : groups) {
    out += fmt::format("\n{}\n", group);
    for (const OptionWords& option : options) {
      if (option.group == group) out += Entry(Names(option), option.help, width);
    }
  }
  return out;
}

// The command that the words have reached so far.
CLI::App& Reached(CLI::App& root) {
  CLI::App* at = &root;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

std::string UnknownCommand(const CLI::App& at, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* one : CommandsOf(at)) names.push_back(one->get_name());
  std::string near = Nearest(word, names);
  std::string what = at.get_parent() ? fmt::format("{} has no command {}", FullName(at), word)
                                     : fmt::format("there is no command {}", word);
  return near.empty() ? what : fmt::format("{}; did you mean `{} {}`?", what, FullName(at), near);
}

std::string UnknownOption(const CLI::App& at, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::Option* option : at.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  std::string name = word.substr(0, word.find('='));
  std::string near = name.size() > 3 ? Nearest(name, names) : "";
  std::string what = fmt::format("{} has no option {}", FullName(at), name);
  return near.empty() ? what : fmt::format("{}; did you mean {}?", what, near);
}

// A word that belongs to nothing in the tree, options first; CLI11 does not keep their order.
std::string FirstUnknown(const CLI::App& at) {
  auto left = at.remaining(true);
  auto option = std::ranges::find_if(left, [](const auto& word) { return word.starts_with('-'); });
  return option != left.end() ? *option : left.empty() ? "" : left.back();
}

int RefuseLine(CLI::App& root, int argc, const char* const* argv, const CLI::ParseError& error) {
  CLI::App& at = Reached(root);
  bool group = !CommandsOf(at).empty();
  std::string help = fmt::format("`{} --help` shows how", FullName(at));
  std::string word;
  if (group) {
    // The word after the last command that was understood.
    int depth = 1;
    for (const CLI::App* one = &at; one->get_parent(); one = one->get_parent()) ++depth;
    if (depth < argc) word = argv[depth];
  }
  if (word.empty() || word == "-") word = FirstUnknown(at);
  if (group && !word.empty() && !word.starts_with('-'))
    return Complain(UnknownCommand(at, word), help, kUsage);
  if (group && word.empty()) {
    std::fputs(HelpText(at).c_str(), stderr);
    return kUsage;
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&error) && word.starts_with('-'))
    return Complain(UnknownOption(at, word), help, kUsage);
  return Complain(error.what(), help, kUsage);
}

int Parse(CLI::App& root, int argc, const char* const* argv, Session& session) {
  try {
    root.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::fputs(HelpText(Reached(root)).c_str(), stdout);
    return kDone;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return root.exit(error);
    return RefuseLine(root, argc, argv, error);
  }
  return session.run();
}

}  // namespace

std::string JoinFooter(const std::string& details, const std::string& examples) {
  return details + std::string(kExamples) + examples;
}

Footer SplitFooter(const std::string& footer) {
  std::size_t at = footer.find(kExamples);
  if (at == footer.npos) return {Trimmed(footer), ""};
  return {Trimmed(footer.substr(0, at)), Trimmed(footer.substr(at + kExamples.size()))};
}

std::string FullName(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent ? FullName(*parent) + " " + command.get_name() : command.get_name();
}

std::vector<const CLI::App*> CommandsOf(const CLI::App& command) {
  return command.get_subcommands(
      [](const CLI::App* one) { return !one->get_group().empty() && !one->get_name().empty(); });
}

std::vector<OptionWords> OptionsOf(const CLI::App& command) {
  std::vector<OptionWords> arguments, options, last;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_group().empty()) continue;
    OptionWords words;
    words.positional = option->get_positional();
    words.required = option->get_required();
    words.help = Trimmed(option->get_description());
    words.many = option->get_expected_max() > 1;
    if (words.positional) {
      words.names = option->get_name(true);
      words.group = "Arguments";
      arguments.push_back(std::move(words));
      continue;
    }
    for (const std::string& name : option->get_snames()) words.names += "-" + name + ", ";
    for (const std::string& name : option->get_lnames()) words.names += "--" + name + ", ";
    words.names.resize(words.names.size() - 2);
    if (option->get_expected_max() > 0)
      words.value = option->get_option_text().empty() ? option->get_type_name()
                                                      : Trimmed(option->get_option_text());
    if (option->get_expected_max() > 0 && option->get_expected_min() > 0 && words.value.empty())
      words.value = "VALUE";
    words.group = option->get_group();
    bool is_help = words.names.find("--help") != words.names.npos;
    (is_help || words.group != "Options" ? last : options).push_back(std::move(words));
  }
  std::ranges::stable_sort(last, [](const auto& a, const auto& b) {
    return (a.group == "Options") < (b.group == "Options");
  });
  arguments.insert(arguments.end(), options.begin(), options.end());
  for (OptionWords& words : last) {
    if (words.group == "Options") words.group = arguments.empty() ? "Options" : words.group;
    arguments.push_back(std::move(words));
  }
  return arguments;
}

std::string HelpText(const CLI::App& command) {
  std::vector<OptionWords> options = OptionsOf(command);
  Footer footer = SplitFooter(command.get_footer());
  std::string about = command.get_description();
  if (!about.empty() && command.get_parent())
    about[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(about[0])));
  std::string out = about + (about.ends_with('.') ? "" : ".") + "\n";
  if (!footer.details.empty()) out += "\n" + Wrapped(footer.details) + "\n";
  out += fmt::format("\nUsage\n  {}\n", Usage(command, options));
  out += CommandLists(command) + OptionLists(options);
  if (!footer.examples.empty()) out += "\nExamples\n" + Indented(footer.examples, "  ");
  if (!CommandsOf(command).empty())
    out += fmt::format("\n`{} COMMAND --help` says more of a command.\n", FullName(command));
  return out;
}

void Prepare(CLI::App& root) {
  root.set_help_flag("-h,--help", "show this");
  root.formatter_fn(
      [](const CLI::App* command, std::string, CLI::AppFormatMode) { return HelpText(*command); });
}

int ParseAndRun(CLI::App& root, int argc, char** argv, Session& session) {
  // `forager help jobs list`, as people type it.
  std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
    std::vector<const char*> asked = {argv[0]};
    for (const std::string& word : words) asked.push_back(word.c_str());
    return Parse(root, static_cast<int>(asked.size()), asked.data(), session);
  }
  return Parse(root, argc, argv, session);
}

}  // namespace forager::cli
