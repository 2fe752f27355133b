#include "core/net/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "core/base/diag.h"

namespace headgate::net {
namespace {

struct ContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

// Without it OpenSSL asks on the terminal.
int NoPassword(char*, int, int, void*) { return 0; }

Error FileError(const char* what, const std::string& path) {
  return ConfigError(std::string("Cannot load the ") + what + " file " + path + ": " + TakeOpenSslError() +
                     ". It must be PEM and readable for Headgate");
}

}  // namespace

std::string TakeOpenSslError() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "error " + std::to_string(code);
}

void SslFree::operator()(ssl_st* ssl) const { SSL_free(ssl); }

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

Result<std::unique_ptr<TlsContext>> TlsContext::Load(TlsOptions options) {
  if (options.cert_file.empty() != options.key_file.empty()) {
    return ConfigError("tls_cert_file and tls_key_file belong together. Set both or none");
  }
  std::unique_ptr<TlsContext> context(new TlsContext(std::move(options)));
  context->stamps_ = context->ReadStamps();
  HG_ASSIGN_OR_RETURN(context->context_, context->Build());
  return context;
}

TlsContext::Stamps TlsContext::ReadStamps() const {
  Stamps stamps{};
  const std::string* files[] = {&options_.ca_file, &options_.cert_file, &options_.key_file};
  for (std::size_t i = 0; i < stamps.size(); ++i) {
    struct stat info {};
    if (files[i]->empty() || stat(files[i]->c_str(), &info) != 0) continue;
    stamps[i] = {info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec, info.st_size, info.st_ino};
  }
  return stamps;
}

Result<ssl_ctx_st*> TlsContext::Build() const {
  ERR_clear_error();
  std::unique_ptr<SSL_CTX, ContextFree> context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) return ConfigError("OpenSSL offers no TLS client: " + TakeOpenSslError());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // A request is written on from where the last write stopped; its buffer may have moved.
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  // Many servers close without close_notify. An answer that is cut so is noticed by its own framing.
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_default_passwd_cb(context.get(), NoPassword);
  SSL_CTX_set_verify(context.get(), options_.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!options_.ca_file.empty()) {
    if (SSL_CTX_load_verify_file(context.get(), options_.ca_file.c_str()) != 1)
      return FileError("tls_ca_file", options_.ca_file);
  } else if (options_.verify && SSL_CTX_set_default_verify_paths(context.get()) != 1) {
    return ConfigError("Cannot load the CA certificates of the system: " + TakeOpenSslError() + ". Set tls_ca_file");
  }
  if (!options_.cert_file.empty()) {
    if (SSL_CTX_use_certificate_chain_file(context.get(), options_.cert_file.c_str()) != 1) {
      return FileError("tls_cert_file", options_.cert_file);
    }
    if (SSL_CTX_use_PrivateKey_file(context.get(), options_.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
      return FileError("tls_key_file", options_.key_file);
    }
    if (SSL_CTX_check_private_key(context.get()) != 1) {
      return ConfigError("The key in " + options_.key_file + " is not the key of the certificate in " +
                         options_.cert_file);
    }
  }
  return context.release();
}

Result<SslPtr> TlsContext::NewConnection(const Url& url) {
  if (const Stamps now = ReadStamps(); now != stamps_) {
    stamps_ = now;
    if (auto fresh = Build(); fresh.ok()) {
      SSL_CTX_free(context_);
      context_ = *fresh;
    } else {
      diag::Warn("net", "changed tls files not usable, the previous ones stay in use",
                 {{"host", url.host}, {"error", fresh.error().what}});
    }
  }
  ERR_clear_error();
  SslPtr ssl(SSL_new(context_));
  if (ssl == nullptr) return Transient("OpenSSL has no memory for a connection: " + TakeOpenSslError());
  X509_VERIFY_PARAM* param = SSL_get0_param(ssl.get());
  bool good = false;
  if (url.literal) {
    good = X509_VERIFY_PARAM_set1_ip(param, url.literal->bytes.data(), url.literal->is_v4 ? 4 : 16) == 1;
  } else {
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    good = X509_VERIFY_PARAM_set1_host(param, url.host.c_str(), url.host.size()) == 1 &&
           SSL_set_tlsext_host_name(ssl.get(), url.host.c_str()) == 1;
  }
  if (!good) return ConfigError("OpenSSL does not take the host name " + url.host + ": " + TakeOpenSslError());
  SSL_set_connect_state(ssl.get());
  return ssl;
}

}  // namespace headgate::net
