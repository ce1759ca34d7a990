#include "calendar/zones.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>

namespace forager::calendar {
namespace {

constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxFile = 256 * 1024;
constexpr std::size_t kMaxKept = 2'000;

// Words of letters, digits, '_', '+' and '-', with '/' between them: never a way out of the folder.
bool IsZoneName(std::string_view name) {
  if (name.empty() || name.size() > kMaxName || name.back() == '/') return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    char c = name[i];
    bool begins = i == 0 || name[i - 1] == '/';
    bool upper = c >= 'A' && c <= 'Z';
    if (begins && !upper) return false;  // so not "posix/" and "right/" either
    bool inside = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '+' ||
                  c == '-' || c == '/';
    if (!upper && !inside) return false;
  }
  return true;
}

std::optional<std::string> ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(kMaxFile, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (file.bad() || !file.eof()) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return bytes;
}

struct Kept {
  std::filesystem::file_time_type written;
  std::shared_ptr<const Zone> zone;  // none: not a zone
};

}  // namespace

std::shared_ptr<const Zone> FindZone(const std::string& name, const std::string& folder) {
  static std::mutex mutex;
  static std::map<std::filesystem::path, Kept> all;
  if (!IsZoneName(name)) return nullptr;
  static const auto utc = std::make_shared<const Zone>();
  std::filesystem::path path = std::filesystem::path(folder) / name;
  std::error_code error;
  auto written = std::filesystem::last_write_time(path, error);
  if (error || !std::filesystem::is_regular_file(path, error)) {
    return name == "UTC" || name == "Etc/UTC" ? utc : nullptr;
  }
  std::lock_guard lock(mutex);
  auto known = all.find(path);
  if (known != all.end() && known->second.written == written) return known->second.zone;
  std::shared_ptr<const Zone> zone;
  if (auto bytes = ReadFile(path)) {
    if (auto parsed = Zone::Parse(*bytes)) zone = std::make_shared<const Zone>(std::move(*parsed));
  }
  if (known != all.end() && !zone) return known->second.zone;  // it is being written just now
  if (all.size() < kMaxKept || known != all.end()) all[path] = {written, zone};
  return zone;
}

}  // namespace forager::calendar
