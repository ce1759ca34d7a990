#include "job/job_id.h"

#include <fmt/format.h>

#include <atomic>
#include <random>

namespace forager {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr int kCounterDigits = 5;
constexpr int kRandomDigits = 7;

void AppendBase36(std::string& out, std::uint64_t value, int digits) {
  char buffer[16];
  for (int i = digits - 1; i >= 0; --i) {
    buffer[i] = kAlphabet[value % 36];
    value /= 36;
  }
  out.append(buffer, static_cast<std::size_t>(digits));
}

}  // namespace

std::string MakeJobId(WallTime now) {
  static std::atomic<std::uint64_t> counter{0};
  thread_local std::mt19937_64 random{std::random_device{}()};
  std::string id = fmt::format(
      "JOB-{}-", std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count());
  AppendBase36(id, counter.fetch_add(1, std::memory_order_relaxed), kCounterDigits);
  AppendBase36(id, random(), kRandomDigits);
  return id;
}

bool IsJobId(std::string_view text) {
  if (!text.starts_with("JOB-") || text.size() > 64) return false;
  text.remove_prefix(4);
  auto dash = text.find('-');
  if (dash == 0 || dash == std::string_view::npos || text.size() - dash - 1 < 10) return false;
  return text.substr(0, dash).find_first_not_of("0123456789") == std::string_view::npos &&
         text.substr(dash + 1).find_first_not_of(kAlphabet) == std::string_view::npos;
}

}  // namespace forager
