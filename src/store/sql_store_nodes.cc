// Servers of one database: heartbeats, leases, and what lost servers leave behind.
#include <fmt/format.h>

#include <cstdio>

#include "store/rows.h"
#include "store/sql_store.h"

namespace forager::store {
namespace {

constexpr std::chrono::hours kForgottenAfter{7 * 24};
constexpr const char* kClockJump = "clock_jump";

}  // namespace

Result<void> SqlStore::RegisterNode(const Node& node, WallTime now) {
  return Guard([&]() -> Result<void> {
    WallTime at = db_.LeaseClock(now);
    db_.Execute("forget_nodes", {at - kForgottenAfter});
    db_.Execute("register_node",
                {node.node_id, node.name, node.boot_id, node.version, at, at, node.capacity});
    return {};
  });
}

Result<HeartbeatAnswer> SqlStore::Heartbeat(const std::string& node_id, const std::string& boot_id,
                                            int capacity, Millis lease, WallTime now) {
  return Guard([&]() -> Result<HeartbeatAnswer> {
    HeartbeatAnswer answer;
    answer.database_now = db_.LeaseClock(now);
    {
      Rows rows = db_.Query("beat", {node_id, boot_id, answer.database_now, capacity});
      answer.ours = rows.Next();
      if (!answer.ours) return answer;
      answer.draining = rows.Int(0) != 0;
      rows.Next();
    }
    answer.renewed =
        static_cast<int>(db_.Execute("renew_leases", {node_id, answer.database_now + lease}));
    Rows rows = db_.Query("count_nodes", {answer.database_now - lease});
    rows.Next();
    answer.nodes = static_cast<int>(rows.Int(0));
    return answer;
  });
}

Result<void> SqlStore::LeaveNode(const std::string& node_id, const std::string& boot_id) {
  return Guard([&]() -> Result<void> {
    db_.Execute("leave_node", {node_id, boot_id});
    return {};
  });
}

Result<std::vector<Node>> SqlStore::Nodes(Millis lease, WallTime now) {
  return Guard([&]() -> Result<std::vector<Node>> {
    WallTime heard_after = db_.LeaseClock(now) - lease;
    std::vector<Node> nodes;
    Rows rows = db_.Query("nodes", {});
    while (rows.Next()) {
      Node node;
      node.node_id = rows.Text(0);
      node.name = rows.Text(1);
      node.boot_id = rows.Text(2);
      node.version = rows.Text(3);
      node.started_at = rows.MaybeTime(4).value_or(WallTime{});
      node.heartbeat_at = rows.MaybeTime(5).value_or(WallTime{});
      node.draining = rows.Int(6) != 0;
      node.capacity = static_cast<int>(rows.Int(7));
      node.running = static_cast<int>(rows.Int(8));
      node.lost = node.heartbeat_at <= heard_after;
      nodes.push_back(std::move(node));
    }
    return nodes;
  });
}

Result<NodeUse> SqlStore::UseOfNode(const std::string& node_id) {
  return Guard([&]() -> Result<NodeUse> {
    NodeUse use;
    db_.Expect("attempts_of_node", {node_id});
    {
      Rows rows = db_.Query("node_drains", {node_id});
      use.draining = rows.Next() && rows.Int(0) != 0;
    }
    Rows rows = db_.Query("attempts_of_node", {node_id});
    rows.Next();
    use.attempts = static_cast<int>(rows.Int(0));
    return use;
  });
}

Result<void> SqlStore::DrainNode(const std::string& node_id, bool draining) {
  return Guard([&]() -> Result<void> {
    if (db_.Execute("drain_node", {node_id, draining}) == 1) return {};
    return forager::Fail(ErrorCode::kNotFound, fmt::format("There is no node {}.", node_id));
  });
}

Result<void> SqlStore::MoveWaits(Millis by, WallTime now) {
  return Guard([&]() -> Result<void> {
    std::string span = fmt::format("{:+.3f} seconds", static_cast<double>(by.count()) / 1e3);
    db_.Send("move_waiting", {span, by.count()});
    db_.Send("rank_ready", {UnixMillis(now)});
    for (const char* moved : {"move_running", "move_attempts", "move_hosts", "move_messages",
                              "move_answers", "move_sessions", "move_login_codes", "move_nodes"})
      db_.Send(moved, {span});
    db_.Execute("set_fact", {kClockJump, fmt::format("{} {}", UnixMillis(now), by.count())});
    committed_.many = true;
    committed_.pending_added = true;
    return {};
  });
}

Result<std::optional<Store::ClockJump>> SqlStore::LastClockJump() {
  auto text = Fact(kClockJump);
  if (!text) return std::unexpected(text.error());
  long long at = 0, by = 0;
  if (!*text || std::sscanf((*text)->c_str(), "%lld %lld", &at, &by) != 2) return std::nullopt;
  return ClockJump{WallTime(Millis(at)), Millis(by)};
}

Result<std::vector<RunningJob>> SqlStore::LostAttempts(int limit, WallTime now) {
  return Guard([&]() -> Result<std::vector<RunningJob>> {
    std::vector<RunningJob> lost;
    WallTime lease_now = db_.LeaseClock(now);
    Rows rows = db_.Query("lost_attempts", {lease_now, limit});
    while (rows.Next()) lost.push_back(ReadRunningJob(rows, lease_now));
    return lost;
  });
}

Result<std::vector<AttemptRef>> SqlStore::LostSlots(Millis lease, int limit, WallTime now) {
  return Guard([&]() -> Result<std::vector<AttemptRef>> {
    std::vector<AttemptRef> lost;
    Rows rows = db_.Query("lost_slots", {db_.LeaseClock(now) - lease, limit});
    while (rows.Next()) lost.push_back({rows.Text(0), static_cast<int>(rows.Int(1))});
    return lost;
  });
}

}  // namespace forager::store
