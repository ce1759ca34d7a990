// Who this server is: its node, its place among the servers of its database, its first token.
#include <fmt/format.h>
#include <unistd.h>

#include "app/config_file.h"
#include "app/server.h"
#include "job/plain_text.h"
#include "os/log.h"

namespace forager::app {
namespace {

using namespace std::chrono_literals;

constexpr const char* kOwnName = "admin";

Result<void> NoteAccess(store::Store& store, const std::string& fact, const std::string& token,
                        WallTime now) {
  auto made = store.CreateToken(kOwnName, "admin", api::HashSecret(token), now);
  if (!made) return std::unexpected(made.error());
  return store.SetFact(fact, "1");
}

enum class OwnToken {
  kNever,    // none was made yet
  kValid,    // the file's token lets its reader in
  kLost,     // a restored database, or a file that was removed
  kRevoked,  // somebody did so, and has another way in
};

Result<OwnToken> LookForToken(store::Store& store, const std::string& fact,
                              const std::string& token) {
  auto made = store.Fact(fact);
  if (!made) return std::unexpected(made.error());
  if (!made->has_value()) return OwnToken::kNever;
  auto found = store.FindToken(api::HashSecret(token));
  if (!found) return std::unexpected(found.error());
  if (!token.empty() && found->has_value()) return OwnToken::kValid;
  auto all = store.Tokens();
  if (!all) return std::unexpected(all.error());
  bool own = false, other = false;
  for (const store::Token& one : *all) {
    bool usable = one.role == "admin" && !one.revoked_at;
    (one.name == kOwnName ? own : other) |= usable;
  }
  return own || !other ? OwnToken::kLost : OwnToken::kRevoked;
}

std::string HostName() {
  char host[256] = "node";
  gethostname(host, sizeof host - 1);
  return host;
}

std::string MakeNodeId() {
  return fmt::format("{}-{}", HostName(), api::MakeSecret("").substr(0, 6));
}

}  // namespace

// A database in a file is one server's: its id goes with the file.
Result<std::string> Server::NodeOfFile() {
  std::string id;
  auto made = store_->WriteAndWait([&](store::Store& store) -> Result<void> {
    auto known = store.Fact("node_id");
    if (!known) return std::unexpected(known.error());
    id = known->value_or("");
    if (!id.empty()) return {};
    id = MakeNodeId();
    return store.SetFact("node_id", id);
  });
  if (!made) return std::unexpected(made.error());
  return id;
}

// In a shared database the id goes with the data directory, whose lock lets one server have it. A
// copy of the directory is not the directory: the file knows its place.
Result<std::string> Server::NodeOfDirectory() const {
  constexpr const char* kFile = "node.id";
  auto kept = ReadWholeFile(data_dir_.File(kFile), 1'000);
  if (kept) {
    auto space = kept->find(' ');
    if (space != kept->npos && kept->substr(space + 1) == data_dir_.Place() + "\n")
      return kept->substr(0, space);
  }
  std::string id = MakeNodeId();
  auto written = data_dir_.WriteSecret(kFile, fmt::format("{} {}\n", id, data_dir_.Place()));
  if (!written) return std::unexpected(written.error());
  return id;
}

// Heard of before anything is taken over; also takes the database's time.
Result<void> Server::Join() {
  store::Node node;
  node.node_id = node_;
  node.name = HostName();
  node.boot_id = boot_id_;
  node.version = kVersion;
  node.capacity = settings_.capacity > 0 ? settings_.capacity : settings_.max_running;
  WallTime now = clock_.Now();
  store::HeartbeatAnswer answer;
  auto join = [&](store::Store& store) -> Result<void> {
    if (auto registered = store.RegisterNode(node, now); !registered) return registered;
    auto beat = store.Heartbeat(node_, boot_id_, node.capacity, settings_.lease, now);
    if (!beat) return std::unexpected(beat.error());
    answer = *beat;
    return {};
  };
  auto joined = store_->WritePatiently(join, settings_.shared() ? 30s : 0s);
  if (!joined) return joined;
  if (settings_.shared()) clock_.Move(answer.database_now - now);
  return {};
}

// The admin token of the first start, and a login code for the dashboard.
Result<void> Server::MakeAccess() {
  WallTime now = clock_.Now();
  // Each server of a shared database has a token of its own in its directory.
  std::string fact = settings_.shared() ? "admin_token_made " + node_ : "admin_token_made";
  if (auto text = ReadWholeFile(data_dir_.File("admin.token"), 1'000))
    admin_token_ = OneValue(*text);
  OwnToken own = OwnToken::kValid;
  auto checked = store_->ReadAndWait([&](store::Store& store) -> Result<void> {
    auto found = LookForToken(store, fact, admin_token_);
    if (found) own = *found;
    return found ? Result<void>() : std::unexpected(found.error());
  });
  if (!checked) return checked;
  if (own == OwnToken::kNever || own == OwnToken::kLost) {
    if (own == OwnToken::kLost)
      os::LogWarning(fmt::format(
          "🔑 {} {}: a new admin token was made and stands there", data_dir_.File("admin.token"),
          admin_token_.empty() ? "was missing" : "held no token of this database"));
    // The file first: a token whose file was lost would lock everybody out.
    admin_token_ = api::MakeSecret("fgr_");
    if (auto kept = data_dir_.WriteSecret("admin.token", admin_token_ + "\n"); !kept) return kept;
    auto noted = store_->WriteAndWait(
        [&](store::Store& store) { return NoteAccess(store, fact, admin_token_, now); });
    if (!noted) return noted;
  }
  std::string code = api::MakeSecret("");
  login_url_ = "/login?code=" + code;
  return store_->WriteAndWait([&](store::Store& store) {
    return store.CreateLoginCode(api::HashSecret(code), now + 10min);
  });
}

void Server::StartMembership() {
  scheduler::Membership::Hooks hooks;
  hooks.clock_differs = [this](Millis by) { clock_.Move(by); };
  hooks.replaced = [this] {
    os::LogError("❌ Another server has started with this server's id: this one ends");
    Stop(stopped_ ? stopped_ : [this] { loop_.Stop(); });
  };
  hooks.draining = [this](bool draining) {
    os::LogInfo(draining ? "This server is drained: it takes no more jobs"
                         : "This server takes jobs again");
    dispatcher_->SetDraining(draining);
  };
  hooks.slots_freed = [this] { dispatcher_->Wake(); };
  hooks.changed = [this] {
    dispatcher_->SetNodes(membership_->nodes());
    events_.Publish("node", fmt::format("{{\"nodes\":{},\"draining\":{}}}", membership_->nodes(),
                                        membership_->draining()));
  };
  membership_ = std::make_unique<scheduler::Membership>(
      loop_, clock_, *calls_, *supervisor_,
      [this]() -> const scheduler::Policy& { return dispatcher_->policy(); }, boot_id_,
      std::move(hooks));
  membership_->Start();
}

}  // namespace forager::app
