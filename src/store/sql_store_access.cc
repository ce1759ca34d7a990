// Tokens, login codes, sessions, kept answers, facts.
#include <fmt/format.h>

#include "store/rows.h"
#include "store/sql_store.h"

namespace forager::store {
namespace {

constexpr std::chrono::hours kAnswerKept{24};

Token ReadToken(const Rows& rows) {
  Token token;
  token.id = rows.Int(0);
  token.name = rows.Text(1);
  token.role = rows.Text(2);
  token.created_at = rows.MaybeTime(3).value_or(WallTime{});
  token.last_used_at = rows.MaybeTime(4);
  token.revoked_at = rows.MaybeTime(5);
  return token;
}

}  // namespace

Result<Token> SqlStore::CreateToken(const std::string& name, const std::string& role,
                                    const std::string& hash, WallTime now) {
  return Guard([&]() -> Result<Token> {
    Rows rows = db_.Query("create_token", {name, role, hash, now});
    rows.Next();
    Token token{rows.Int(0), name, role, now, {}, {}};
    rows.Next();
    return token;
  });
}

Result<std::vector<Token>> SqlStore::Tokens() {
  return Guard([&]() -> Result<std::vector<Token>> {
    std::vector<Token> tokens;
    Rows rows = db_.Query("tokens", {});
    while (rows.Next()) tokens.push_back(ReadToken(rows));
    return tokens;
  });
}

Result<std::optional<Token>> SqlStore::FindToken(const std::string& hash) {
  return Guard([&]() -> Result<std::optional<Token>> {
    Rows rows = db_.Query("find_token", {hash});
    if (!rows.Next()) return std::nullopt;
    return ReadToken(rows);
  });
}

Result<void> SqlStore::RevokeToken(std::int64_t id, WallTime now) {
  return Guard([&]() -> Result<void> {
    if (db_.Execute("revoke_token", {id, now}) == 1) return {};
    return forager::Fail(ErrorCode::kNotFound, fmt::format("There is no token {}.", id));
  });
}

Result<void> SqlStore::CreateLoginCode(const std::string& hash, WallTime expires_at) {
  return Guard([&]() -> Result<void> {
    db_.Execute("create_login_code", {hash, expires_at});
    return {};
  });
}

Result<bool> SqlStore::KnowsLoginCode(const std::string& hash, WallTime now) {
  return Guard([&]() -> Result<bool> { return db_.Query("find_login_code", {hash, now}).Next(); });
}

Result<bool> SqlStore::UseLoginCode(const std::string& hash, WallTime now) {
  return Guard([&]() -> Result<bool> { return db_.Execute("use_login_code", {hash, now}) == 1; });
}

Result<void> SqlStore::CreateSession(const std::string& hash, const Session& session) {
  return Guard([&]() -> Result<void> {
    db_.Execute("create_session", {hash, session.role, session.csrf, session.expires_at});
    return {};
  });
}

Result<std::optional<Session>> SqlStore::FindSession(const std::string& hash, WallTime now) {
  return Guard([&]() -> Result<std::optional<Session>> {
    Rows rows = db_.Query("find_session", {hash, now});
    if (!rows.Next()) return std::nullopt;
    return Session{rows.Text(0), rows.Text(1), rows.MaybeTime(2).value_or(WallTime{})};
  });
}

Result<void> SqlStore::EndSession(const std::string& hash) {
  return Guard([&]() -> Result<void> {
    db_.Execute("end_session", {hash});
    return {};
  });
}

Result<std::vector<std::size_t>> SqlStore::OverCredentials(std::span<const Credential> known,
                                                           WallTime now) {
  return Guard([&]() -> Result<std::vector<std::size_t>> {
    auto token = [](const Credential& one) { return one.kind == Credential::Kind::kToken; };
    for (const Credential& one : known)
      token(one) ? db_.Expect("find_token", {one.hash})
                 : db_.Expect("find_session", {one.hash, now});
    std::vector<std::size_t> over;
    for (std::size_t i = 0; i < known.size(); ++i) {
      Rows rows = token(known[i]) ? db_.Query("find_token", {known[i].hash})
                                  : db_.Query("find_session", {known[i].hash, now});
      if (!rows.Next()) over.push_back(i);
    }
    return over;
  });
}

Result<void> SqlStore::TokensUsed(std::span<const TokenUse> uses) {
  return Guard([&]() -> Result<void> {
    for (const TokenUse& use : uses) db_.Send("token_used", {use.id, use.at});
    return {};
  });
}

Result<std::optional<IdempotentAnswer>> SqlStore::FindAnswer(const std::string& token,
                                                             const std::string& key, WallTime now) {
  return Guard([&]() -> Result<std::optional<IdempotentAnswer>> {
    db_.TakeTurns("answer " + token + " " + key);
    Rows rows = db_.Query("find_answer", {token, key, now - kAnswerKept});
    if (!rows.Next()) return std::nullopt;
    return IdempotentAnswer{rows.Text(0), static_cast<int>(rows.Int(1)), rows.Text(2),
                            rows.Text(3)};
  });
}

Result<void> SqlStore::KeepAnswer(const std::string& token, const std::string& key,
                                  const IdempotentAnswer& answer, WallTime now) {
  return Guard([&]() -> Result<void> {
    db_.Execute("keep_answer",
                {token, key, answer.body_digest, answer.status, answer.headers, answer.body, now});
    return {};
  });
}

Result<int> SqlStore::PruneAccess(WallTime now, int limit) {
  return Guard([&]() -> Result<int> {
    return static_cast<int>(db_.Execute("prune_answers", {now - kAnswerKept, limit}) +
                            db_.Execute("prune_login_codes", {now, limit}) +
                            db_.Execute("prune_sessions", {now, limit}));
  });
}

Result<std::optional<std::string>> SqlStore::Fact(const std::string& name) {
  return Guard([&]() -> Result<std::optional<std::string>> {
    Rows rows = db_.Query("fact", {name});
    if (!rows.Next()) return std::nullopt;
    return rows.Text(0);
  });
}

Result<void> SqlStore::SetFact(const std::string& name, const std::string& value) {
  return Guard([&]() -> Result<void> {
    db_.Execute("set_fact", {name, value});
    return {};
  });
}

}  // namespace forager::store
