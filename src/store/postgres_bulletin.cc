#include "store/postgres_bulletin.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <charconv>

#include "os/log.h"
#include "store/postgres_connection.h"
#include "store/statements.h"

namespace forager::store {
namespace {

constexpr Millis kGather{20};  // notifications serialise commits: few large ones
constexpr Millis kAnswerLimit{5'000};
constexpr Millis kReconnect{1'000};
constexpr Millis kLook{10'000};  // is the connection still there?
constexpr std::size_t kMaxIds = 200;
constexpr std::size_t kMaxSchedules = 20;  // a dashboard reads the others a little later

bool Any(const CommitNews& committed) {
  return !committed.job_ids.empty() || committed.many || committed.pending_added ||
         committed.requested || committed.orders_added || !committed.schedules.empty();
}

// "~12:nightly:0" among the ids of jobs.
std::optional<CommitNews::ChangedSchedule> ReadSchedule(std::string_view text) {
  auto first = text.find(':'), last = text.rfind(':');
  if (first == last) return std::nullopt;
  CommitNews::ChangedSchedule schedule{0, std::string(text.substr(first + 1, last - first - 1)),
                                       text.substr(last + 1) == "1"};
  auto [end, error] = std::from_chars(text.data() + 1, text.data() + first, schedule.id);
  if (error != std::errc{} || end != text.data() + first) return std::nullopt;
  return schedule;
}

void Command(PostgresConnection& connection, std::string_view statement,
             const std::string& payload) {
  const std::string& sql = Statement(Dialect::kPostgres, statement);
  const char* values[] = {payload.c_str()};
  int count = payload.empty() ? 0 : 1;
  if (PQsendQueryParams(connection.get(), sql.c_str(), count, nullptr, values, nullptr, nullptr,
                        0) == 0)
    connection.Lose("nothing can be sent");
  auto deadline = std::chrono::steady_clock::now() + kAnswerLimit;
  while (PgResult result = connection.Next(deadline)) {
    auto status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
      throw ToDatabaseError(result.get(), statement);
  }
}

}  // namespace

std::string WriteNews(const std::string& node, const CommitNews& committed) {
  std::string text = fmt::format("{}|{}{}{}{}|", node, committed.many ? "m" : "",
                                 committed.pending_added ? "p" : "", committed.requested ? "r" : "",
                                 committed.orders_added ? "o" : "");
  for (const std::string& id : committed.job_ids) text += id + ",";
  for (const auto& [id, name, deleted] : committed.schedules)
    text += fmt::format("~{}:{}:{},", id, name, deleted ? 1 : 0);
  return text;
}

std::optional<News> ReadNews(std::string_view text) {
  auto second = text.rfind('|');
  if (second == text.npos || second == 0) return std::nullopt;
  auto first = text.rfind('|', second - 1);
  if (first == text.npos) return std::nullopt;
  News news;
  news.node = text.substr(0, first);
  std::string_view flags = text.substr(first + 1, second - first - 1);
  news.committed.many = flags.contains('m');
  news.committed.pending_added = flags.contains('p');
  news.committed.requested = flags.contains('r');
  news.committed.orders_added = flags.contains('o');
  std::string_view ids = text.substr(second + 1);
  while (!ids.empty()) {
    auto end = ids.find(',');
    if (end == ids.npos) return std::nullopt;
    if (std::string_view id = ids.substr(0, end); !id.starts_with('~')) {
      news.committed.job_ids.emplace_back(id);
    } else if (auto schedule = ReadSchedule(id)) {
      news.committed.schedules.push_back(std::move(*schedule));
    }
    ids.remove_prefix(end + 1);
  }
  return news;
}

PostgresBulletin::PostgresBulletin(std::string url, std::string node)
    : url_(std::move(url)), node_(std::move(node)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  thread_ = std::thread([this] { Loop(); });
}

PostgresBulletin::~PostgresBulletin() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  eventfd_write(wake_.get(), 1);
  stopped_.notify_all();
  thread_.join();
}

bool PostgresBulletin::stopping() {
  std::lock_guard lock(mutex_);
  return stopping_;
}

void PostgresBulletin::OnNews(std::function<void(const Committed&)> observer) {
  std::lock_guard lock(mutex_);
  observer_ = std::move(observer);
}

void PostgresBulletin::Post(const CommitNews& committed) {
  if (!Any(committed)) return;
  std::lock_guard lock(mutex_);
  outgoing_.Add(committed);
  if (!std::exchange(any_, true)) eventfd_write(wake_.get(), 1);
}

void PostgresBulletin::Tell(PostgresConnection& connection, const CommitNews& committed) {
  std::size_t at = 0;
  do {
    CommitNews part = committed;
    auto begin = committed.job_ids.begin() + static_cast<std::ptrdiff_t>(at);
    std::size_t count = std::min(kMaxIds, committed.job_ids.size() - at);
    part.job_ids.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
    part.schedules.resize(at > 0 ? 0 : std::min(kMaxSchedules, part.schedules.size()));
    Command(connection, "notify", WriteNews(node_, part));
    at += kMaxIds;
  } while (at < committed.job_ids.size());
}

void PostgresBulletin::Talk(PostgresConnection& connection) {
  Command(connection, "listen", "");
  while (!stopping()) {
    pollfd waiting[] = {{PQsocket(connection.get()), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    int ready = poll(waiting, 2, static_cast<int>(kLook.count()));
    if (ready == 0) Command(connection, "ping", "");
    if (PQconsumeInput(connection.get()) == 0) connection.Lose(PQerrorMessage(connection.get()));
    if (waiting[1].revents != 0) {
      {  // what else is committed in these milliseconds goes along
        std::unique_lock lock(mutex_);
        stopped_.wait_for(lock, kGather, [this] { return stopping_; });
      }
      eventfd_t ignored;
      eventfd_read(wake_.get(), &ignored);
      CommitNews committed;
      {
        std::lock_guard lock(mutex_);
        if (std::exchange(any_, false)) committed = std::exchange(outgoing_, {});
      }
      if (Any(committed)) Tell(connection, committed);
    }
    std::function<void(const Committed&)> observer;
    {
      std::lock_guard lock(mutex_);
      observer = observer_;
    }
    while (PGnotify* heard = PQnotifies(connection.get())) {
      auto news = ReadNews(heard->extra);
      PQfreemem(heard);
      if (news && news->node != node_ && observer) observer(news->committed);
    }
  }
}

void PostgresBulletin::Loop() {
  bool told = false;
  while (!stopping()) {
    try {
      PostgresConnection connection(url_);
      told = false;
      Talk(connection);
    } catch (const DatabaseError& error) {
      if (!std::exchange(told, true))
        os::LogWarning("Store: other servers are not heard, they are looked for each second",
                       {{"error", error.what()}});
    }
    std::unique_lock lock(mutex_);
    stopped_.wait_for(lock, kReconnect, [this] { return stopping_; });
  }
}

}  // namespace forager::store
