#include "tests/support/test_certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "core/base/check.h"

namespace headgate::testing_support {
namespace {

void AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  CHECK(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509* NewCertificate(EVP_PKEY* key, const std::string& common_name, long serial, std::chrono::hours from,
                     std::chrono::hours to) {
  X509* certificate = X509_new();
  CHECK(certificate != nullptr);
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), static_cast<long>(std::chrono::seconds(from).count()));
  X509_gmtime_adj(X509_getm_notAfter(certificate), static_cast<long>(std::chrono::seconds(to).count()));
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  X509_set_pubkey(certificate, key);
  return certificate;
}

void WriteCertificate(const std::string& path, X509* certificate) {
  BIO* file = BIO_new_file(path.c_str(), "w");
  CHECK(file != nullptr && PEM_write_bio_X509(file, certificate) == 1);
  BIO_free(file);
}

}  // namespace

TestAuthority::TestAuthority() {
  std::string pattern = (std::filesystem::temp_directory_path() / "hg_certificates_XXXXXX").string();
  CHECK(mkdtemp(pattern.data()) != nullptr);
  directory_ = pattern;
  key_ = EVP_EC_gen("P-256");
  CHECK(key_ != nullptr);
  certificate_ = NewCertificate(key_, "Test authority", serial_++, std::chrono::hours(-48), std::chrono::hours(48));
  X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_));
  AddExtension(certificate_, certificate_, NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(certificate_, certificate_, NID_key_usage, "critical,keyCertSign,cRLSign");
  CHECK(X509_sign(certificate_, key_, EVP_sha256()) > 0);
  WriteCertificate(ca_file(), certificate_);
}

TestAuthority::~TestAuthority() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

CertificateFiles TestAuthority::Issue(const std::string& file_name, const std::vector<std::string>& names,
                                      std::chrono::hours valid_from, std::chrono::hours valid_to) {
  const CertificateFiles files{(directory_ / (file_name + ".pem")).string(),
                               (directory_ / (file_name + ".key")).string()};
  EVP_PKEY* key = EVP_EC_gen("P-256");
  CHECK(key != nullptr);
  X509* certificate = NewCertificate(key, file_name, serial_++, valid_from, valid_to);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate_));
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ",") + name;
  if (!list.empty()) AddExtension(certificate, certificate_, NID_subject_alt_name, list);
  CHECK(X509_sign(certificate, key_, EVP_sha256()) > 0);
  WriteCertificate(files.cert_file, certificate);
  BIO* file = BIO_new_file(files.key_file.c_str(), "w");
  CHECK(file != nullptr && PEM_write_bio_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  BIO_free(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return files;
}

}  // namespace headgate::testing_support
