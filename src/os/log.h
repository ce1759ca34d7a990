// The log: text or JSON lines to stderr and a file. Messages are the contract's, word for word;
// secrets never come here, and a line stays one line whatever users' text contains. Thread-safe,
// never blocks on a slow disk for long (bounded queue, drops are counted).
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace forager::os {

enum class LogFormat { kText, kJson };
enum class Severity { kDebug, kInfo, kWarning, kError };

struct LogOptions {
  std::string file;  // empty: no file
  bool to_stderr = true;
  LogFormat format = LogFormat::kText;
  Severity minimum = Severity::kInfo;
};

// A wrong file is an error in words; the log before the first call goes to stderr.
std::string OpenLog(const LogOptions& options);
// After logrotate moved the file away (SIGHUP).
void ReopenLog();
// The same when the file is not where it was any more: removed, or moved away without a word.
void KeepLogFile();
void FlushLog();

using LogFields = std::initializer_list<std::pair<std::string_view, std::string>>;
void Log(Severity severity, std::string_view message, LogFields fields = {});
inline void LogInfo(std::string_view message, LogFields fields = {}) {
  Log(Severity::kInfo, message, fields);
}
inline void LogWarning(std::string_view message, LogFields fields = {}) {
  Log(Severity::kWarning, message, fields);
}
inline void LogError(std::string_view message, LogFields fields = {}) {
  Log(Severity::kError, message, fields);
}

}  // namespace forager::os
