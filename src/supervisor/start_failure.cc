#include "supervisor/start_failure.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "job/codec.h"

namespace forager::supervisor {
namespace {

namespace files = std::filesystem;

constexpr std::size_t kMaxFirstLine = 255;  // the kernel reads no more

files::path Found(const std::string& program, std::string_view path) {
  std::error_code error;
  if (program.find('/') != std::string::npos)
    return files::is_regular_file(program, error) ? files::path(program) : files::path();
  while (!path.empty()) {
    std::string_view folder = path.substr(0, path.find(':'));
    path.remove_prefix(std::min(path.size(), folder.size() + 1));
    files::path candidate = files::path(folder) / program;
    if (files::is_regular_file(candidate, error)) return candidate;
  }
  return {};
}

// What follows "#!", with what a Windows editor leaves at its end; "" when there is none.
std::string Interpreter(const files::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string line(kMaxFirstLine, '\0');
  in.read(line.data(), static_cast<std::streamsize>(line.size()));
  line.resize(static_cast<std::size_t>(in.gcount()));
  line.resize(std::min(line.find('\n'), line.size()));
  if (!line.starts_with("#!")) return "";
  line.erase(0, 2);
  line.erase(0, line.find_first_not_of(" \t"));
  line.resize(std::min(line.find_first_of(" \t"), line.size()));
  return line;
}

}  // namespace

std::string WhyNotExecuted(const std::string& program, int error, const std::string& path) {
  std::string what = fmt::format("cannot start {}: ", ValidUtf8(program));
  files::path file = Found(program, path);
  if (error == ENOENT && file.empty()) {
    bool named = program.find('/') == std::string::npos;
    return what + (named ? "there is no such program in PATH" : std::strerror(error));
  }
  std::string interpreter = file.empty() ? "" : Interpreter(file);
  std::error_code ignored;
  if (error == ENOENT && interpreter.ends_with('\r')) {
    interpreter.pop_back();
    return what + fmt::format(
                      "its first line names {}\\r, which does not exist: the file has "
                      "Windows line ends (mend it with dos2unix)",
                      ValidUtf8(interpreter));
  }
  if (error == ENOENT && !interpreter.empty() && !files::exists(interpreter, ignored))
    return what + fmt::format("its interpreter {} does not exist", ValidUtf8(interpreter));
  if (error == EACCES && !file.empty())
    return what + fmt::format(
                      "{}: it must be executable (chmod +x), and so must the folders "
                      "above it be for the attempts' user",
                      std::strerror(error));
  if (error == ENOEXEC) return what + "it is no program, and has no #! line";
  return what + std::strerror(error);
}

}  // namespace forager::supervisor
