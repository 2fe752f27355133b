#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

struct evp_pkey_st;
struct x509_st;

namespace headgate::testing_support {

struct CertificateFiles {
  std::string cert_file;
  std::string key_file;
};

// A certificate authority made for one test, with the certificates it issues, as PEM files in a directory of its own
// that goes with the object.
class TestAuthority {
 public:
  TestAuthority();
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  std::string ca_file() const { return (directory_ / "ca.pem").string(); }
  const std::filesystem::path& directory() const { return directory_; }
  // `names` go into the subject alternative names, such as "DNS:localhost" or "IP:127.0.0.1". Times count from now.
  CertificateFiles Issue(const std::string& file_name, const std::vector<std::string>& names,
                         std::chrono::hours valid_from = std::chrono::hours(-1),
                         std::chrono::hours valid_to = std::chrono::hours(24));

 private:
  std::filesystem::path directory_;
  evp_pkey_st* key_ = nullptr;
  x509_st* certificate_ = nullptr;
  long serial_ = 1;
};

}  // namespace headgate::testing_support
