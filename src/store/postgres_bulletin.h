// What servers of one database tell each other: after a commit, which jobs changed and whether
// somebody should look for work or orders. LISTEN and NOTIFY, gathered for some milliseconds, on a
// connection and a thread of its own, outside of the transactions. A word may be lost: whoever
// waits for one also looks by himself each second.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "os/descriptor.h"
#include "store/store_service.h"

namespace forager::store {

// The text of one notification, and back; none when it is not one of ours. At most 8,000 bytes.
std::string WriteNews(const std::string& node, const CommitNews& committed);
struct News {
  std::string node;
  Committed committed;
};
std::optional<News> ReadNews(std::string_view text);

class PostgresConnection;

class PostgresBulletin {
 public:
  PostgresBulletin(std::string url, std::string node);
  ~PostgresBulletin();

  void Post(const CommitNews& committed);  // any thread
  // Called on the bulletin's thread for what other servers post.
  void OnNews(std::function<void(const Committed&)> observer);

 private:
  void Loop();
  void Talk(PostgresConnection& connection);
  void Tell(PostgresConnection& connection, const CommitNews& committed);
  bool stopping();

  const std::string url_;
  const std::string node_;
  os::Descriptor wake_;  // an eventfd
  std::mutex mutex_;
  std::condition_variable stopped_;
  std::function<void(const Committed&)> observer_;
  CommitNews outgoing_;
  bool any_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace forager::store
