#include "http/tls_context.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace forager::http {
namespace {

constexpr const char* kCiphersOfTls12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

// Nobody is there to type a passphrase; without this OpenSSL asks the terminal.
int NoPassphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return 0;
}

int ChooseProtocol(SSL*, const unsigned char** out, unsigned char* length, const unsigned char* in,
                   unsigned int size, void*) {
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, length, kHttp11, sizeof kHttp11 - 1, in, size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

std::string Reason() {
  unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : "unknown";
}

Error Wrong(std::string_view setting, const std::string& path, const std::string& why) {
  return {ErrorCode::kInvalid,
          fmt::format("{} = \"{}\" cannot be used: {}", setting, path, why),
          {},
          {}};
}

std::string Unreadable(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::strerror(errno);
  return file.peek() == std::ifstream::traits_type::eof() ? "it is empty" : "";
}

std::string PinOf(SSL_CTX* context) {
  unsigned char* der = nullptr;
  int size = i2d_PUBKEY(X509_get0_pubkey(SSL_CTX_get0_certificate(context)), &der);
  if (size <= 0) return "";
  unsigned char digest[32], text[64];
  EVP_Digest(der, static_cast<std::size_t>(size), digest, nullptr, EVP_sha256(), nullptr);
  OPENSSL_free(der);
  int length = EVP_EncodeBlock(text, digest, sizeof digest);
  return "sha256//" + std::string(reinterpret_cast<char*>(text), static_cast<std::size_t>(length));
}

void SetRules(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, kCiphersOfTls12);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // tickets do without
  SSL_CTX_set_alpn_select_cb(context, &ChooseProtocol, nullptr);
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::Load(const TlsFiles& files) {
  for (const auto& [setting, path] :
       {std::pair{"tls_certificate", files.certificate}, {"tls_key", files.key}}) {
    if (std::string why = Unreadable(path); !why.empty())
      return std::unexpected(Wrong(setting, path, why));
  }
  ERR_clear_error();
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (!context) return Fail(ErrorCode::kInternal, "TLS is not available: " + Reason());
  std::shared_ptr<TlsContext> made(new TlsContext(context));
  SetRules(context);
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1)
    return std::unexpected(Wrong("tls_certificate", files.certificate, Reason()));
  bool locked = false;
  SSL_CTX_set_default_passwd_cb(context, &NoPassphrase);
  SSL_CTX_set_default_passwd_cb_userdata(context, &locked);
  bool good = SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) == 1 &&
              SSL_CTX_check_private_key(context) == 1;
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  if (!good) {
    std::string why = Reason();
    return std::unexpected(
        Wrong("tls_key", files.key, locked ? "it is locked by a passphrase" : why));
  }
  made->pin_ = PinOf(context);
  return made;
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

ssl_st* TlsContext::NewSession() const { return SSL_new(context_); }

}  // namespace forager::http
