#include "core/net/signature.h"

#include <gtest/gtest.h>

#include "core/base/encoding.h"
#include "core/net/digest.h"

namespace headgate::net {
namespace {

constexpr const char* kSecret1 = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* kSecret5 = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
constexpr const char* kSecret6 =
    "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";

// The seed of RFC 8032, test 1.
constexpr const char* kKey7 = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
constexpr const char* kPublicKey7 = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

struct Vector {
  const char* name;
  const char* secret;
  const char* id;
  std::int64_t timestamp;
  const char* body_hex;
  const char* signature;
};

// webhooks.md 2, by number.
constexpr Vector kVectors[] = {
    {"1", kSecret1, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "7b2274657374223a20323433323233323331347d",
     "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
    {"2", kSecret1, "msg_1", 1700000000, "7b7d", "v1,x5lVgj0b/JJJaUYaa1+6I5J/EECcryrPlFN4VrkmI94="},
    {"3", kSecret1, "msg_2", 1700000000, "7b226e223a225a6fc3ab20e282ac20f09f9880227d",
     "v1,X0NacH17ABz3FNjS4DozSC+JCZBGU1sgMzenit+ZoRQ="},
    {"4", kSecret1, "msg_3", 1700000000, "7b2261223a317d0a", "v1,THT8Wv3mUSegVcX20R8kQHDWFsqc2TU4CJ87kbPyGdE="},
    {"5", kSecret5, "evt-0001", 1700000001, "7b226f70223a2263222c226964223a317d",
     "v1,LzKKB/qpLZl/UJMDkIoMEn2prlswkIfrvv+IJkAKbhs="},
    {"6", kSecret6, "evt-0002", 1700000002, "5b5d", "v1,cESRGsmn50OMTu9KSXavhAobbbbi4TUCuU22K7lZHAc="},
    {"7", kKey7, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "7b2274657374223a20323433323233323331347d",
     "v1a,fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbzEHoVmAb2ADpkJK7zgPePmPsle0zV9jSeGlHFG2NVAw=="},
    {"8", kSecret5, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "7b2274657374223a20323433323233323331347d",
     "v1,woH/1mJtZGSMCmpFTxRYbStS24eLLD/oXIYr4PYyZ7g="},
};

Signer Make(const char* secret) {
  auto signer = Signer::FromStandardSecret(secret);
  CHECK(signer.ok());
  return std::move(signer).value();
}

class SignatureVectors : public testing::TestWithParam<Vector> {};

TEST_P(SignatureVectors, AreReproducedExactlyAlsoOnReuseOfTheContext) {
  const Vector& v = GetParam();
  Signer signer = Make(v.secret);
  for (int i = 0; i < 3; ++i) {
    std::string out;
    signer.AppendStandard(out, v.id, v.timestamp, *FromHex(v.body_hex));
    EXPECT_EQ(out, v.signature);
  }
}

TEST_P(SignatureVectors, FailToVerifyWhenAnyByteChanges) {
  const Vector& v = GetParam();
  Signer signer = Make(v.secret);
  const std::string body = *FromHex(v.body_hex);
  const std::string id = v.id;
  ASSERT_TRUE(VerifySignature(signer, v.signature, id, v.timestamp, body));
  const auto flipped = [](std::string text, std::size_t at) {
    text[at] = static_cast<char>(text[at] ^ 1);
    return text;
  };
  for (std::size_t i = 0; i < id.size(); ++i)
    EXPECT_FALSE(VerifySignature(signer, v.signature, flipped(id, i), v.timestamp, body));
  for (std::size_t i = 0; i < body.size(); ++i)
    EXPECT_FALSE(VerifySignature(signer, v.signature, id, v.timestamp, flipped(body, i)));
  for (std::size_t i = 0; i < std::string(v.signature).size(); ++i) {
    EXPECT_FALSE(VerifySignature(signer, flipped(v.signature, i), id, v.timestamp, body)) << i;
  }
  for (std::int64_t digit = 1; digit <= v.timestamp; digit *= 10) {
    EXPECT_FALSE(VerifySignature(signer, v.signature, id, v.timestamp + digit, body));
  }
  EXPECT_FALSE(VerifySignature(signer, v.signature, id, v.timestamp, body + "\n"));
  EXPECT_FALSE(VerifySignature(signer, v.signature, id, v.timestamp, body.substr(1)));
}

INSTANTIATE_TEST_SUITE_P(Section2, SignatureVectors, testing::ValuesIn(kVectors),
                         [](const testing::TestParamInfo<Vector>& vector) { return std::string(vector.param.name); });

TEST(Signature, V1aKeysAreSeedsOrSeedsWithTheirPublicKeys) {
  Signer signer = Make(kKey7);
  EXPECT_EQ(signer.PublicKey(), kPublicKey7);
  EXPECT_EQ(Make(kSecret1).PublicKey(), "");
  const std::string seed = *FromBase64(std::string(kKey7).substr(5));
  const std::string known = *FromBase64(std::string(kPublicKey7).substr(5));
  EXPECT_EQ(Make(("whsk_" + Base64(seed + known)).c_str()).PublicKey(), kPublicKey7);
  std::string other = known;
  other[0] = static_cast<char>(other[0] ^ 1);
  for (const std::string& bytes : {seed + other, seed.substr(1), seed + "x", std::string()}) {
    const auto refused = Signer::FromStandardSecret("whsk_" + Base64(bytes));
    ASSERT_FALSE(refused.ok()) << bytes.size();
    EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
    EXPECT_EQ(refused.error().what.find(Base64(seed)), std::string::npos) << "no secret is shown";
  }
  EXPECT_FALSE(Signer::FromStandardSecret("whsk_%%%").ok());
}

TEST(Signature, W12_SignsWithSeveralSecretsFirstOneFirstAndOneSpaceBetween) {
  std::vector<Signer> signers;
  signers.push_back(Make(kSecret1));
  signers.push_back(Make(kSecret5));
  const std::string id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
  const std::string body = "{\"test\": 2432232314}";
  std::string header;
  AppendSignatures(header, signers, id, 1614265330, body);
  EXPECT_EQ(header, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1,woH/1mJtZGSMCmpFTxRYbStS24eLLD/oXIYr4PYyZ7g=");
  EXPECT_TRUE(VerifySignature(signers[0], header, id, 1614265330, body));
  EXPECT_TRUE(VerifySignature(signers[1], header, id, 1614265330, body));
  EXPECT_TRUE(VerifySignature(signers[1], "v1a,abc= " + header, id, 1614265330, body));
  Signer other = Make(kSecret6);
  EXPECT_FALSE(VerifySignature(other, header, id, 1614265330, body));
  EXPECT_FALSE(VerifySignature(signers[0], "", id, 1614265330, body));
}

TEST(Signature, RefusesSecretsOfWrongFormOrSizeWithoutShowingThem) {
  for (const std::string& bad :
       {std::string("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), std::string("whsec_"), std::string("whsec_MfKQ"),
        std::string("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS"), std::string("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa_-"),
        "whsec_" + Base64(std::string(23, 'x')), "whsec_" + Base64(std::string(65, 'x')), std::string()}) {
    const auto signer = Signer::FromStandardSecret(bad);
    ASSERT_FALSE(signer.ok()) << bad;
    EXPECT_EQ(signer.error().kind, ErrorKind::kConfig);
    EXPECT_EQ(signer.error().what.find("MfKQ"), std::string::npos);
  }
  EXPECT_TRUE(Signer::FromStandardSecret("whsec_" + Base64(std::string(24, 'x'))).ok());
  EXPECT_TRUE(Signer::FromStandardSecret("whsec_" + Base64(std::string(64, 'x'))).ok());
}

// RFC 4231, test case 2.
TEST(Signature, W11_LegacyHeaderIsTheHexHmacOfTheBody) {
  auto signer = Signer::FromKey("Jefe");
  ASSERT_TRUE(signer.ok());
  std::string out = "sha256=";
  signer->AppendHex(out, "what do ya want for nothing?");
  EXPECT_EQ(out, "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_FALSE(Signer::FromKey("").ok());
}

// FIPS 180-2, B.1.
TEST(Sha256, GivesThePublishedDigest) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace headgate::net
