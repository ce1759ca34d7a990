#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "collectors/page_fetcher.h"

namespace forager::collectors {
namespace {

// Serves one connection with a certificate that nobody vouches for.
class SelfSignedServer {
 public:
  SelfSignedServer() : context_(SSL_CTX_new(TLS_server_method())) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_sign(certificate, key, EVP_sha256());
    SSL_CTX_use_certificate(context_, certificate);
    SSL_CTX_use_PrivateKey(context_, key);
    X509_free(certificate);
    EVP_PKEY_free(key);

    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    listen(listener_, 1);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    authority_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { ServeOne(); });
  }
  ~SelfSignedServer() {
    thread_.join();
    close(listener_);
    SSL_CTX_free(context_);
  }
  const std::string& authority() const { return authority_; }

 private:
  void ServeOne() {
    pollfd wait{listener_, POLLIN, 0};
    if (poll(&wait, 1, 10'000) != 1) return;
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    SSL* connection = SSL_new(context_);
    SSL_set_fd(connection, fd);
    SSL_accept(connection);  // the client hangs up in the middle of it
    SSL_free(connection);
    ERR_clear_error();
    close(fd);
  }

  SSL_CTX* context_;
  int listener_ = -1;
  std::string authority_;
  std::thread thread_;
};

TEST(Tls, ACertificateNobodyVouchesForIsFinal) {
  SelfSignedServer server;
  FetcherOptions options;
  options.allow_private_hosts = {server.authority()};
  const auto page =
      PageFetcher(options).Fetch({.url = *ParseUrl("https://" + server.authority() + "/")});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().error_class, ErrorClass::kPermanent);
  EXPECT_NE(page.error().message.find("its TLS certificate is not valid"), std::string::npos)
      << page.error().message;
}

}  // namespace
}  // namespace forager::collectors
