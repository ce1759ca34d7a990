#include "app/protected_files.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace forager::app {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxRotated = 200;

void Add(std::vector<std::string>& paths, const std::string& path) {
  std::error_code error;
  if (!path.empty()) paths.push_back(fs::absolute(path, error).lexically_normal().string());
}

// app.log, and what a rotation made of it: app.log.1, app.log-20260101.gz.
void AddLog(std::vector<std::string>& paths, const std::string& log) {
  Add(paths, log);
  std::error_code error;
  fs::path file = fs::absolute(log, error);
  std::string name = file.filename().string();
  int seen = 0;
  for (const auto& entry : fs::directory_iterator(file.parent_path(), error)) {
    std::string other = entry.path().filename().string();
    if (other.size() > name.size() && other.starts_with(name) && ++seen <= kMaxRotated)
      Add(paths, entry.path().string());
  }
}

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string InHome(const char* name) {
  std::string home = Variable("HOME");
  if (home.empty()) {
    const passwd* entry = getpwuid(geteuid());
    if (entry) home = entry->pw_dir;
  }
  return home.empty() ? "" : home + "/" + name;
}

// Of a connection string's options; "" when it has none of that name.
std::string Option(const std::string& url, const std::string& name) {
  auto at = url.find('?');
  while (at != url.npos) {
    auto next = url.find('&', at + 1);
    std::string one = url.substr(at + 1, next == url.npos ? next : next - at - 1);
    if (one.starts_with(name + "=")) {
      std::string value = one.substr(name.size() + 1), plain;
      for (std::size_t i = 0; i < value.size(); ++i) {
        bool coded = value[i] == '%' && i + 2 < value.size();
        plain += coded ? static_cast<char>(std::strtol(value.substr(i + 1, 2).c_str(), nullptr, 16))
                       : value[i];
        if (coded) i += 2;
      }
      return plain;
    }
    at = next;
  }
  return "";
}

// Where libpq finds passwords and keys.
void AddPostgres(std::vector<std::string>& paths, const std::string& url) {
  auto first = [](const std::string& a, const std::string& b, const std::string& c) {
    return !a.empty() ? a : !b.empty() ? b : c;
  };
  Add(paths, first(Option(url, "passfile"), Variable("PGPASSFILE"), InHome(".pgpass")));
  Add(paths, first("", Variable("PGSERVICEFILE"), InHome(".pg_service.conf")));
  Add(paths,
      first(Option(url, "sslkey"), Variable("PGSSLKEY"), InHome(".postgresql/postgresql.key")));
}

}  // namespace

os::ProtectedFiles ProtectedFilesOf(const Settings& settings) {
  os::ProtectedFiles files;
  Add(files.hidden, settings.config_file);
  Add(files.hidden, settings.tls_key);
  AddLog(files.hidden, settings.log_file);
  if (settings.shared()) {
    AddPostgres(files.hidden, settings.database);
  } else if (std::string path = settings.database.substr(std::string_view("sqlite:").size());
             !path.empty()) {
    for (const char* part : {"", "-wal", "-shm", "-journal"}) Add(files.hidden, path + part);
  }
  Add(files.read_only, settings.tls_certificate);
  for (const alerts::Receiver& receiver : settings.alerts.receivers) {
    Add(files.read_only, receiver.ca_file);
    std::error_code error;
    for (const std::string& word : receiver.command) {
      if (word.starts_with('/') && fs::is_regular_file(word, error)) Add(files.read_only, word);
    }
  }
  std::error_code error;
  Add(files.read_only, fs::read_symlink("/proc/self/exe", error).string());
  return files;
}

}  // namespace forager::app
