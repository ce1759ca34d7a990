// What every client command works with: the server, where output goes and in which form. Made by
// the command tree just before a command runs.
#pragma once

#include <boost/json/fwd.hpp>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/connection.h"
#include "cli/exit_codes.h"
#include "cli/out.h"
#include "cli/terminal.h"
#include "job/time.h"
#include "os/clock.h"

namespace forager::cli {

enum class Format { kTable, kJson, kJsonLines, kCsv };

// The query of a path: Query().Add("status", "failed").On("/jobs").
class Query {
 public:
  Query& Add(std::string_view name, std::string_view value);  // "" is left out
  Query& Add(std::string_view name, std::int64_t value);
  std::string On(std::string_view path) const;

 private:
  std::string text_;
};

class Client {
 public:
  explicit Client(Connection server) : server(std::move(server)) {}

  Connection server;
  Format format = Format::kTable;
  Style style, error_style;
  bool out_is_terminal = false, error_is_terminal = false, utf8 = false;
  ScreenSize screen;
  Environment environment;
  Out out{1};

  Result<boost::json::value> Get(const std::string& path) const;
  // `body` null: none.
  Result<boost::json::value> Send(const std::string& method, const std::string& path,
                                  const boost::json::value& body) const;
  Result<boost::json::value> Post(const std::string& path) const;
  Result<boost::json::value> Delete(const std::string& path) const;

  // Says what went wrong and what to do next; returns the exit code.
  int Complain(const Error& error, std::string_view next = {}) const;
  void Note(std::string_view text) const;  // on stderr
  // Yes or no from a person; no when nobody can be asked.
  bool Confirm(std::string_view question) const;

  bool json() const { return format == Format::kJson || format == Format::kJsonLines; }
  void PrintJson(const boost::json::value& value);  // pretty, or one line
  WallTime Now() const { return os::SystemClock().Now(); }
};

// "/jobs/JOB-1/logs"
std::string JobPath(std::string_view id, std::string_view tail = {});

// "forager: WHAT" and the next step on stderr, both cleaned; returns `code`.
int Complain(std::string_view what, std::string_view next, int code);
std::string NextStep(const Error& error, const Connection& server);
int ExitCodeOf(const Error& error);

}  // namespace forager::cli
