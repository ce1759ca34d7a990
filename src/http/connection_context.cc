#include "http/connection_context.h"

#include "http/response_head.h"

namespace forager::http {

Response ConnectionContext::Problem(int status, const std::string& detail) const {
  return options.problem ? options.problem(status, detail) : DefaultProblem(status, detail);
}

std::string ConnectionContext::MakeRequestId() {
  // splitmix64: told apart, not secret.
  std::uint64_t z = id_seed += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  std::string id(16, '0');
  for (char& c : id) {
    c = "0123456789abcdef"[z & 15];
    z >>= 4;
  }
  return id;
}

void ConnectionContext::Insert(const std::shared_ptr<Connection>& connection,
                               const std::string& address) {
  if (connections.insert(connection).second) ++by_address[address];
}

void ConnectionContext::Erase(const std::shared_ptr<Connection>& connection,
                              const std::string& address) {
  refused.erase(connection);
  if (connections.erase(connection) == 0) return;
  auto counted = by_address.find(address);
  if (--counted->second == 0) by_address.erase(counted);
}

}  // namespace forager::http
