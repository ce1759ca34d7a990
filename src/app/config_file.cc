#include "app/config_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace forager::app {
namespace {

std::string Where(const std::string& name, const toml::source_region& region) {
  return fmt::format("file {}:{}", name, region.begin.line);
}

Result<std::string> ScalarText(const toml::node& node, const std::string& where,
                               std::string_view key) {
  if (node.is_string()) return *node.value<std::string>();
  if (node.is_boolean()) return *node.value<bool>() ? "true" : "false";
  if (node.is_integer()) return fmt::format("{}", *node.value<std::int64_t>());
  if (node.is_floating_point()) return fmt::format("{}", *node.value<double>());
  return Fail(ErrorCode::kInvalid,
              fmt::format("{}: {} must be a text, a number, true or false", where, key));
}

Result<FileValue> ReadValue(const toml::node& node, const std::string& name, std::string_view key) {
  FileValue value;
  value.source = Where(name, node.source());
  const toml::array* array = node.as_array();
  if (!array) {
    auto text = ScalarText(node, value.source, key);
    if (!text) return std::unexpected(text.error());
    value.text = *text;
    return value;
  }
  value.is_array = true;
  for (const toml::node& item : *array) {
    auto text = ScalarText(item, value.source, key);
    if (!text) return std::unexpected(text.error());
    if (!value.items.empty()) value.text += ',';
    value.text += *text;
    value.items.push_back(*text);
  }
  return value;
}

// One level of names and scalars.
Result<FileValue> ReadInner(const toml::table& table, const std::string& name,
                            std::string_view of) {
  FileValue value;
  value.source = Where(name, table.source());
  value.is_table = true;
  for (const auto& [key, node] : table) {
    auto text = ScalarText(node, Where(name, node.source()), fmt::format("{}.{}", of, key.str()));
    if (!text) return std::unexpected(text.error());
    value.text += fmt::format("{}{}", value.table.empty() ? "" : ",", key.str());
    value.table.emplace(key.str(), std::move(*text));
  }
  return value;
}

enum class Inner { kRefused, kRead };

Result<FileTable> ReadTable(const toml::table& table, const std::string& name,
                            Inner inner = Inner::kRefused) {
  FileTable values;
  for (const auto& [key, node] : table) {
    if (node.is_table() && inner == Inner::kRead) {
      auto value = ReadInner(*node.as_table(), name, key.str());
      if (!value) return std::unexpected(value.error());
      values[std::string(key.str())] = std::move(*value);
      continue;
    }
    if (node.is_table()) {
      return Fail(ErrorCode::kInvalid,
                  fmt::format("{}: unknown table {}", Where(name, node.source()), key.str()));
    }
    auto value = ReadValue(node, name, key.str());
    if (!value) return std::unexpected(value.error());
    values[std::string(key.str())] = std::move(*value);
  }
  return values;
}

Result<void> ReadTypes(const toml::table& table, const std::string& name, ConfigFile& file) {
  for (const auto& [key, node] : table) {
    std::string where = Where(name, node.source());
    std::string type(key.str());
    if (!node.is_table())
      return Fail(ErrorCode::kInvalid, fmt::format("{}: types.{} must be a table", where, type));
    if (type.empty() || type.size() > 50 ||
        type.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != std::string::npos) {
      return Fail(
          ErrorCode::kInvalid,
          fmt::format("{}: the entity type \"{}\" must be 1 to 50 characters of a-z, 0-9 and _",
                      where, type));
    }
    auto values = ReadTable(*node.as_table(), name, Inner::kRead);
    if (!values) return std::unexpected(values.error());
    file.types[type] = std::move(*values);
  }
  return {};
}

// [alerts.rules.NAME] and [alerts.receivers.NAME].
Result<void> ReadNamed(const toml::table& table, const std::string& name, std::string_view what,
                       std::map<std::string, FileTable>& into) {
  for (const auto& [key, node] : table) {
    std::string where = Where(name, node.source());
    std::string own(key.str());
    bool good = node.is_table() && !own.empty() && own.size() <= 50 &&
                own.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == own.npos;
    if (!good) {
      return Fail(
          ErrorCode::kInvalid,
          fmt::format("{}: alerts.{}.{} must be a table named by 1 to 50 characters of a-z, "
                      "0-9, _ and -",
                      where, what, own));
    }
    auto values = ReadTable(*node.as_table(), name);
    if (!values) return std::unexpected(values.error());
    into[own] = std::move(*values);
  }
  return {};
}

Result<void> ReadAlerts(const toml::table& table, const std::string& name, ConfigFile& file) {
  for (const auto& [key, node] : table) {
    bool rules = key.str() == "rules" && node.is_table();
    if (rules || (key.str() == "receivers" && node.is_table())) {
      auto read = ReadNamed(*node.as_table(), name, key.str(),
                            rules ? file.alert_rules : file.alert_receivers);
      if (!read) return read;
      continue;
    }
    if (node.is_table()) {
      return Fail(ErrorCode::kInvalid, fmt::format("{}: unknown table alerts.{}",
                                                   Where(name, node.source()), key.str()));
    }
    auto value = ReadValue(node, name, key.str());
    if (!value) return std::unexpected(value.error());
    file.alerts[std::string(key.str())] = std::move(*value);
  }
  return {};
}

}  // namespace

Result<ConfigFile> ParseConfig(std::string_view text, const std::string& name) {
  toml::table root;
  try {
    root = toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    return Fail(ErrorCode::kInvalid,
                fmt::format("{}: {}", Where(name, error.source()), error.description()));
  }
  ConfigFile file;
  for (const auto& [key, node] : root) {
    if (key.str() == "types" && node.is_table()) {
      if (auto read = ReadTypes(*node.as_table(), name, file); !read)
        return std::unexpected(read.error());
    } else if (key.str() == "alerts" && node.is_table()) {
      if (auto read = ReadAlerts(*node.as_table(), name, file); !read)
        return std::unexpected(read.error());
    } else if (key.str() == "defaults" && node.is_table()) {
      auto values = ReadTable(*node.as_table(), name);
      if (!values) return std::unexpected(values.error());
      file.defaults = std::move(*values);
    } else if (node.is_table()) {
      return Fail(ErrorCode::kInvalid,
                  fmt::format("{}: unknown table {}", Where(name, node.source()), key.str()));
    } else {
      auto value = ReadValue(node, name, key.str());
      if (!value) return std::unexpected(value.error());
      file.top[std::string(key.str())] = std::move(*value);
    }
  }
  return file;
}

Result<std::string> ReadWholeFile(const std::string& path, std::size_t max_bytes) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return Fail(ErrorCode::kNotFound,
                fmt::format("{} cannot be read: {}", path, std::strerror(errno)));
  std::string text(max_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad()) return Fail(ErrorCode::kNotFound, fmt::format("{} cannot be read", path));
  if (text.size() > max_bytes) {
    return Fail(ErrorCode::kTooLarge, fmt::format("{} is larger than {} bytes", path, max_bytes));
  }
  return text;
}

}  // namespace forager::app
