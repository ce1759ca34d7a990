#include "cli/doctor.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/rows.h"
#include "cli/text.h"
#include "cli/tree.h"

namespace forager::cli {
namespace {

namespace json = boost::json;

constexpr Column kColumns[] = {{"", "check"}, {"", "health"}, {"", "message"}, {"", "advice"}};

struct DoctorOptions {
  std::string config;
  bool thorough = false;
};

Tone ToneOf(Health health) {
  switch (health) {
    case Health::kOk:
      return Tone::kGood;
    case Health::kNote:
      return Tone::kDim;
    case Health::kWarning:
      return Tone::kWarn;
    case Health::kFault:
      return Tone::kBad;
  }
  return Tone::kPlain;
}

json::value AsJson(const Finding& finding) {
  return json::object{
      {"check", finding.check},
      {"health", Name(finding.health)},
      {"message", finding.message},
      {"advice", finding.advice.empty() ? json::value() : json::value(finding.advice)}};
}

// Exit codes of their own: 0 fine, 1 warnings, 2 faults.
int Verdict(const Examination& e) {
  Health worst = Health::kOk;
  for (const Finding& finding : e.findings) worst = std::max(worst, finding.health);
  return worst == Health::kFault ? 2 : worst == Health::kWarning ? 1 : 0;
}

void Print(Client& client, const Examination& e) {
  if (client.format == Format::kJson) {
    json::array findings;
    for (const Finding& finding : e.findings) findings.push_back(AsJson(finding));
    constexpr const char* kVerdicts[] = {"fine", "warnings", "faults"};
    client.PrintJson(
        json::object{{"verdict", kVerdicts[Verdict(e)]}, {"findings", std::move(findings)}});
    return;
  }
  if (client.format != Format::kTable) {
    RowWriter rows(client, kColumns);
    for (const Finding& finding : e.findings) rows.Add(AsJson(finding));
    return rows.End();
  }
  int faults = 0, warnings = 0;
  for (const Finding& finding : e.findings) {
    faults += finding.health == Health::kFault;
    warnings += finding.health == Health::kWarning;
    client.out.Line(fmt::format(
        "{} {} {}", client.style.In(ToneOf(finding.health), Pad(Name(finding.health), 8)),
        Pad(finding.check, 9), OneLine(finding.message)));
    if (!finding.advice.empty())
      client.out.Line(
          client.style.In(Tone::kBold, "                   do: " + OneLine(finding.advice)));
  }
  client.out.Line("");
  if (faults + warnings == 0)
    client.out.Line(client.style.In(Tone::kGood, "All is well."));
  else
    client.out.Line(fmt::format("{} fault(s), {} warning(s).", faults, warnings));
}

int RunDoctor(Client& client, const Session& session, const DoctorOptions& options) {
  Examination e{client, session.machine, session.version, options.thorough};
  e.data_dir = client.server.data_dir;
  e.local = client.server.url.empty() || client.server.from_data_dir;
  if (e.local) {
    CheckSettings(e, options.config);
    CheckDataDir(e);
    CheckDisk(e);
  }
  CheckServer(e);
  CheckClock(e);
  if (e.local) {
    CheckDatabase(e);
    CheckSandbox(e);
    CheckLimits(e);
    CheckCapacity(e);
  }
  CheckMonitor(e);
  CheckDispatch(e);
  CheckRunning(e);
  Print(client, e);
  return Verdict(e);
}

}  // namespace

std::string_view Name(Health health) {
  switch (health) {
    case Health::kOk:
      return "ok";
    case Health::kNote:
      return "note";
    case Health::kWarning:
      return "warning";
    case Health::kFault:
      return "FAULT";
  }
  return "";
}

void AddDoctor(CLI::App& root, Session& session) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App& doctor = AddLocalCommand(
      root, session,
      {"doctor", "look for what is wrong, and say what to do",
       "Looks at settings, data directory, disk room, clock, database, sandbox, limits, the "
       "server,\n"
       "its monitor, and at every running job's process. Works with the server up or down; run it "
       "on\n"
       "the server's machine, as its user or root. It changes nothing.\n"
       "Exit code: 0 all is well, 1 warnings, 2 faults.",
       "forager doctor\n# read every page and index of the database too\nforager doctor "
       "--thorough\n"
       "# for a check by a monitoring system\nforager doctor -o json | jq '.findings[] | "
       "select(.health == \"FAULT\")'\n"},
      [options, &session](Client& client) { return RunDoctor(client, session, *options); });
  doctor.group("Server");
  AddOption(doctor, "--config", options->config, "FILE", "configuration file of the server");
  AddFlag(doctor, "--thorough", options->thorough,
          "check the whole database, however long it takes");
}

}  // namespace forager::cli
