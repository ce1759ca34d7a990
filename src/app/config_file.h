// forager.toml as flat text values, each with the line it stands on. Knows which shapes are
// possible, not which keys are.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "job/error.h"

namespace forager::app {

struct FileValue {
  std::string text;  // scalars as written; arrays, and a table's keys, joined with commas
  std::vector<std::string> items;  // of an array
  bool is_array = false;
  std::map<std::string, std::string> table;  // of a table within a type
  bool is_table = false;
  std::string source;  // "file forager.toml:3"
};
using FileTable = std::map<std::string, FileValue>;

struct ConfigFile {
  FileTable top;
  FileTable defaults;
  std::map<std::string, FileTable> types;
  FileTable alerts;
  std::map<std::string, FileTable> alert_rules, alert_receivers;
};

// `name` is how messages call the file.
Result<ConfigFile> ParseConfig(std::string_view text, const std::string& name);
Result<std::string> ReadWholeFile(const std::string& path, std::size_t max_bytes);

}  // namespace forager::app
