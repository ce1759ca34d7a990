// The server's certificate and key, and the rules under which TLS is spoken: 1.2 with forward
// secrecy or 1.3. Loaded anew on reload; connections that are open keep the one they began with.
#pragma once

#include <memory>
#include <string>

#include "job/error.h"

struct ssl_ctx_st;
struct ssl_st;

namespace forager::http {

struct TlsFiles {
  std::string certificate;  // PEM: the server's own, then those that lead to its root
  std::string key;          // PEM, without a passphrase
  bool empty() const { return certificate.empty() && key.empty(); }
};

class TlsContext {
 public:
  // One sentence on what is wrong with the files, or the context.
  static Result<std::shared_ptr<const TlsContext>> Load(const TlsFiles& files);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;

  ssl_st* NewSession() const;  // to be freed by SSL_free; null without memory
  // "sha256//BASE64" of the public key: a client that is told it on a safe way needs no authority.
  const std::string& public_key_pin() const { return pin_; }

 private:
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
  std::string pin_;
};

}  // namespace forager::http
