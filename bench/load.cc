// Load generator: N keep-alive connections on one thread send one fixed request again and again,
// each waiting for its answer, until COUNT answers are in. Prints one JSON line.
//
//   bench_load URL --clients 32 --count 100000 [--method POST] [--body TEXT | --body-file FILE]
//              [--header "Name: value"]... [--expect 201]
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using SteadyClock = std::chrono::steady_clock;

[[noreturn]] void Die(const std::string& why) {
  fmt::print(stderr, "bench_load: {}\n", why);
  std::exit(1);
}

struct Plan {
  std::string host, port, path = "/";
  std::string method = "GET";
  std::string body;
  std::string headers;
  int clients = 1;
  std::uint64_t count = 1'000;
  int expect = 0;  // 0: any 2xx
};

Plan ReadPlan(int argc, char** argv) {
  Plan plan;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (!arg.starts_with("--")) {
      std::string rest = arg.starts_with("http://") ? arg.substr(7) : arg;
      if (const auto slash = rest.find('/'); slash != std::string::npos) {
        plan.path = rest.substr(slash);
        rest.resize(slash);
      }
      const auto colon = rest.rfind(':');
      if (colon == std::string::npos) Die("the URL needs a port: http://HOST:PORT/PATH");
      plan.host = rest.substr(0, colon);
      plan.port = rest.substr(colon + 1);
      continue;
    }
    if (++i >= argc) Die(arg + " needs a value");
    const std::string value = argv[i];
    if (arg == "--clients") {
      plan.clients = std::max(1, std::atoi(value.c_str()));
    } else if (arg == "--count") {
      plan.count = std::strtoull(value.c_str(), nullptr, 10);
    } else if (arg == "--method") {
      plan.method = value;
    } else if (arg == "--body") {
      plan.body = value;
    } else if (arg == "--body-file") {
      std::ifstream file(value, std::ios::binary);
      plan.body.assign(std::istreambuf_iterator<char>(file), {});
    } else if (arg == "--header") {
      plan.headers += value + "\r\n";
    } else if (arg == "--expect") {
      plan.expect = std::atoi(value.c_str());
    } else {
      Die("unknown option " + arg);
    }
  }
  if (plan.host.empty()) Die("give the URL: http://HOST:PORT/PATH");
  return plan;
}

std::string MakeRequest(const Plan& plan) {
  std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: {}:{}\r\n{}", plan.method, plan.path,
                                 plan.host, plan.port, plan.headers);
  if (!plan.body.empty()) {
    text +=
        fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", plan.body.size());
  }
  return text + "\r\n" + plan.body;
}

// What all clients share.
struct Run {
  const Plan& plan;
  const std::string request;
  std::uint64_t started = 0;
  std::uint64_t wrong = 0;
  std::string first_wrong;
  std::vector<std::uint32_t> microseconds;
};

class Client {
 public:
  Client(asio::io_context& io, Run& run) : run_(run), socket_(io) {}

  void Connect(const tcp::resolver::results_type& addresses) {
    error_code error;
    asio::connect(socket_, addresses, error);
    if (error) Die("cannot connect: " + error.message());
    socket_.set_option(tcp::no_delay(true));
  }

  void Next() {
    if (run_.started == run_.plan.count) {
      socket_.close();
      return;
    }
    ++run_.started;
    sent_at_ = SteadyClock::now();
    used_ = 0;
    asio::async_write(socket_, asio::buffer(run_.request),
                      [this](const error_code& error, std::size_t) {
                        if (error) Die("cannot send: " + error.message());
                        Read();
                      });
  }

 private:
  void Read() {
    if (buffer_.size() - used_ < 4'096) buffer_.resize(buffer_.size() * 2);
    socket_.async_read_some(asio::buffer(buffer_.data() + used_, buffer_.size() - used_),
                            [this](const error_code& error, std::size_t bytes) {
                              if (error) Die("cannot read the answer: " + error.message());
                              used_ += bytes;
                              IsWhole() ? Finish() : Read();
                            });
  }

  std::string_view answer() const { return {buffer_.data(), used_}; }

  bool IsWhole() const {
    const auto head_end = answer().find("\r\n\r\n");
    if (head_end == std::string_view::npos) return false;
    constexpr std::string_view kLength = "\r\nContent-Length: ";
    const auto at = answer().find(kLength);
    if (at == std::string_view::npos || at > head_end) return true;
    std::size_t length = 0;
    std::from_chars(answer().data() + at + kLength.size(), answer().data() + head_end, length);
    return used_ >= head_end + 4 + length;
  }

  void Finish() {
    const auto took = SteadyClock::now() - sent_at_;
    run_.microseconds.push_back(static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
    const int status = std::atoi(std::string(answer().substr(9, 3)).c_str());
    const bool right = run_.plan.expect == 0 ? status / 100 == 2 : status == run_.plan.expect;
    if (!right && run_.wrong++ == 0) run_.first_wrong = std::string(answer().substr(0, 600));
    Next();
  }

  Run& run_;
  tcp::socket socket_;
  std::vector<char> buffer_ = std::vector<char>(16 * 1024);
  std::size_t used_ = 0;
  SteadyClock::time_point sent_at_;
};

double Milliseconds(const std::vector<std::uint32_t>& sorted, double part) {
  if (sorted.empty()) return 0;
  const auto at = static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1));
  return sorted[at] / 1000.0;
}

}  // namespace

int main(int argc, char** argv) {
  const Plan plan = ReadPlan(argc, argv);
  asio::io_context io(1);
  error_code error;
  const auto addresses = tcp::resolver(io).resolve(plan.host, plan.port, error);
  if (error) Die("cannot resolve " + plan.host + ": " + error.message());
  Run run{plan, MakeRequest(plan), 0, 0, {}, {}};
  run.microseconds.reserve(plan.count);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < plan.clients; ++i) {
    clients.push_back(std::make_unique<Client>(io, run));
    clients.back()->Connect(addresses);
  }
  const auto begin = SteadyClock::now();
  for (const auto& client : clients) client->Next();
  io.run();
  const std::chrono::duration<double> took = SteadyClock::now() - begin;

  auto& times = run.microseconds;
  std::ranges::sort(times);
  fmt::print(
      "{{\"clients\": {}, \"count\": {}, \"wrong\": {}, \"seconds\": {:.3f}, \"rate\": {:.0f}, "
      "\"p50_ms\": {:.3f}, \"p99_ms\": {:.3f}, \"max_ms\": {:.3f}}}\n",
      plan.clients, times.size(), run.wrong, took.count(),
      static_cast<double>(times.size()) / took.count(), Milliseconds(times, 0.5),
      Milliseconds(times, 0.99), Milliseconds(times, 1));
  if (run.wrong > 0) fmt::print(stderr, "first wrong answer:\n{}\n", run.first_wrong);
  return run.wrong == 0 ? 0 : 2;
}
