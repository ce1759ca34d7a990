// A web server on loopback that says exactly what a test scripts, byte for byte: broken, slow,
// endless or silent answers too. One thread per connection, each connection serves one request.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace forager::testing {

class ScriptedServer {
 public:
  class Exchange {
   public:
    const std::string& head() const { return head_; }
    bool Send(std::string_view bytes);           // false when the client is gone
    bool Pause(std::chrono::milliseconds time);  // false when the server stops
    void Hang();                                 // until the client is gone or the server stops

   private:
    friend class ScriptedServer;
    ScriptedServer& server_;
    int fd_;
    std::string head_;
    Exchange(ScriptedServer& server, int fd) : server_(server), fd_(fd) {}
  };
  using Script = std::function<void(Exchange&)>;

  // By path and query; what is not there is 404.
  explicit ScriptedServer(std::map<std::string, Script> scripts, bool ipv6 = false);
  ~ScriptedServer();

  std::string Authority() const;  // 127.0.0.1:PORT
  std::string Url(const std::string& target) const { return "http://" + Authority() + target; }
  void Set(const std::string& target, Script script);
  std::vector<std::string> Targets() const;  // requested so far
  std::string LastHead() const;

 private:
  void Accept();
  void Serve(int fd);

  bool ipv6_;
  int listener_ = -1;
  int wake_[2] = {-1, -1};
  int port_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable stopping_changed_;
  bool stopping_ = false;
  std::map<std::string, Script> scripts_;
  std::vector<std::string> targets_;
  std::string last_head_;
  std::vector<std::thread> connections_;
  std::thread acceptor_;
};

// A whole answer with Content-Length.
ScriptedServer::Script Answer(
    int status, const std::string& body,
    const std::string& headers = "Content-Type: text/html; charset=utf-8\r\n");
ScriptedServer::Script Redirect(int status, const std::string& location);
// These bytes and nothing else, then the connection is closed.
ScriptedServer::Script Raw(const std::string& bytes);

}  // namespace forager::testing
