#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/completion.h"
#include "cli/exit_codes.h"
#include "cli/help.h"

namespace forager::cli {
namespace {

// Text as roff takes it: no line of it is a request.
std::string Roff(const std::string& text) {
  std::string out;
  bool begin = true;
  for (char c : text) {
    if (begin && (c == '.' || c == '\'')) out += "\\&";
    begin = c == '\n';
    switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '`':
      case '\'':
        out += c == '`' ? "\\(ga" : "\\(aq";
        break;
      default:
        out += c;
    }
  }
  return out;
}

bool IsShared(const OptionWords& option) { return option.group == "Server and output"; }

std::string Synopsis(const CLI::App& command) {
  std::string line = FullName(command);
  bool any = false;
  for (const OptionWords& option : OptionsOf(command)) {
    any |= !option.positional;
    if (!option.positional) continue;
    std::string name = option.names + (option.many ? "..." : "");
    line += option.required ? " " + name : " [" + name + "]";
  }
  return any ? line + " [options]" : line;
}

void WriteOptions(const std::vector<OptionWords>& options, bool shared, std::string& out) {
  for (const OptionWords& option : options) {
    if (option.names.find("--help") != option.names.npos || IsShared(option) != shared) continue;
    std::string value = option.value.empty() ? "" : fmt::format(" \\fI{}\\fR", Roff(option.value));
    out += fmt::format(".TP\n\\fB{}\\fR{}\n{}\n", Roff(option.names), value, Roff(option.help));
  }
}

void WriteExamples(const std::string& examples, std::string& out) {
  if (!examples.empty()) out += fmt::format(".PP\n.nf\n.RS 4\n{}\n.RE\n.fi\n", Roff(examples));
}

void WriteCommand(const CLI::App& command, std::string& out) {
  auto below = CommandsOf(command);
  if (!below.empty()) {
    for (const CLI::App* one : below) WriteCommand(*one, out);
    return;
  }
  Footer footer = SplitFooter(command.get_footer());
  std::string about = command.get_description();
  if (!about.empty())
    about[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(about[0])));
  out += fmt::format(".SS \"{}\"\n{}.\n", Roff(Synopsis(command)), Roff(about));
  if (!footer.details.empty()) out += Roff(footer.details) + "\n";
  WriteOptions(OptionsOf(command), false, out);
  WriteExamples(footer.examples, out);
}

// Those that every client command has, told once.
void WriteSharedOptions(const CLI::App& command, bool& told, std::string& out) {
  for (const CLI::App* one : CommandsOf(command)) {
    if (told) return;
    auto options = OptionsOf(*one);
    if (std::ranges::any_of(options, IsShared)) {
      WriteOptions(options, true, out);
      told = true;
    }
    WriteSharedOptions(*one, told, out);
  }
}

constexpr const char* kEnvironment[][2] = {
    {"FORAGER_URL", "Address of the server that commands ask."},
    {"FORAGER_TOKEN",
     "Token that they show it. Without it, admin.token of the data directory is used, if it may be "
     "read, for that directory's own server."},
    {"FORAGER_DATA_DIR", "Data directory; its server.json says where its server listens."},
    {"FORAGER_CA_FILE", "Authorities to trust for https, in PEM."},
    {"NO_COLOR", "When not empty: no colours."},
};

}  // namespace

std::string ManPage(const CLI::App& root, const std::string& version) {
  std::string out = fmt::format(
      ".TH FORAGER 1 \"\" \"forager {}\" \"User Commands\"\n.nh\n.ad l\n.SH NAME\nforager \\- "
      "collection jobs "
      "that cannot get stuck\n"
      ".SH SYNOPSIS\n\\fBforager\\fR \\fICOMMAND\\fR [\\fIoptions\\fR]\n.SH DESCRIPTION\n"
      "forager runs data\\-collection jobs, each attempt in a process tree of its own, watches "
      "them, ends those that hang, and says what\n"
      "happened. The one program is the server (\\fBforager serve\\fR) and the client of its API "
      "(the other commands).\n",
      Roff(version));
  out += ".SH COMMANDS\n";
  for (const CLI::App* command : CommandsOf(root)) WriteCommand(*command, out);
  out += ".SH OPTIONS OF CLIENT COMMANDS\nEvery command that asks a server takes these.\n";
  bool told = false;
  WriteSharedOptions(root, told, out);
  out += ".SH EXIT STATUS\n";
  for (const ExitCodeHelp& one : ExitCodes())
    out += fmt::format(".TP\n\\fB{}\\fR\n{}.\n", one.code, Roff(std::string(one.meaning)));
  out +=
      ".PP\n\\fBforager doctor\\fR has its own: 0 all is well, 1 warnings, 2 faults.\n.SH "
      "ENVIRONMENT\n";
  for (const auto& [name, about] : kEnvironment)
    out += fmt::format(".TP\n\\fB{}\\fR\n{}\n", name, Roff(about));
  out +=
      ".PP\nEvery setting of the server has a variable too: \\fBforager config\\fR lists "
      "them.\n.SH FILES\n"
      ".TP\n\\fIDATA_DIR/server.json\\fR\nWhere the running server listens.\n"
      ".TP\n\\fIDATA_DIR/admin.token\\fR\nThe first admin token, made at the first start.\n"
      ".TP\n\\fIDATA_DIR/forager.toml\\fR\nSettings, unless \\fB\\-\\-config\\fR names another "
      "file.\n";
  return out;
}

}  // namespace forager::cli
