// Signing secrets that people manage over the API (admin API, 7.5; webhooks, W12).
#include "core/net/signature.h"
#include "tests/e2e/api.h"
#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Signing : public Api {
 protected:
  static inline const std::string kPath = "/api/v1/connectors/hook/signing-secrets";

  // The signature of the next event.
  std::string NextSignature() {
    const std::size_t before = receiver_.http().request_count();
    const Status done = shop_->database().Exec("UPDATE public.customers SET city = city || 'x' WHERE id = 1");
    EXPECT_TRUE(done.ok());
    EXPECT_TRUE(receiver_.http().WaitForRequests(before + 1)) << headgate_->Stderr();
    last_ = receiver_.http().Requests().back();
    return last_.Header("webhook-signature").value_or("");
  }
  bool Verifies(const std::string& secret) {
    auto signer = net::Signer::FromStandardSecret(secret);
    EXPECT_TRUE(signer.ok());
    return net::VerifySignature(*signer, *last_.Header("webhook-signature"), *last_.Header("webhook-id"),
                                std::stoll(*last_.Header("webhook-timestamp")), last_.body);
  }

  CountingReceiver::Request last_;
};

TEST_F(Signing, W12ASecretIsRotatedWithoutASecretInAnyAnswer_S7_5) {
  ASSERT_TRUE(shop_->database().Exec("UPDATE public.customers SET city = 'a'").ok());
  Create("shop", shop_->Source());
  Create("hook", Shop::Hook(receiver_.url(), "shop\\.public\\.customers"));
  ASSERT_TRUE(receiver_.WaitForDistinct(50, std::chrono::seconds(60)));
  EXPECT_EQ(NextSignature(), "");
  const json first = Call("POST", kPath, 201, {{"generate", "hmac"}});
  ASSERT_TRUE(WaitFor([&] { return StateOf("hook") == "RUNNING"; }));
  EXPECT_THAT(NextSignature(), HasSubstr("v1,"));
  EXPECT_TRUE(Verifies(first["secret"]));
  const json second = Call("POST", kPath, 201, {{"generate", "ed25519"}});
  EXPECT_THAT(second["public_key"].get<std::string>(), HasSubstr("whpk_"));
  Call("PATCH", kPath + "/" + second["id"].get<std::string>(), 200, {{"position", 1}});
  Call("PATCH", kPath + "/" + first["id"].get<std::string>(), 200, {{"expires_at", "2099-01-01T00:00:00Z"}});
  const json list = Call("GET", kPath, 200);
  ASSERT_EQ(list["items"].size(), 2U);
  EXPECT_EQ(list["items"][0]["kind"], "ed25519");
  EXPECT_EQ(list["items"][1]["state"], "retiring");
  EXPECT_THAT(list.dump(), Not(HasSubstr("whsec_")));
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_TRUE(NextSignature().starts_with("v1a,")) << "the first signs first, over a restart too";
  EXPECT_TRUE(Verifies(first["secret"]));
  EXPECT_TRUE(Verifies(second["secret"]));
  Call("DELETE", kPath + "/" + first["id"].get<std::string>(), 204);
  EXPECT_THAT(NextSignature(), Not(HasSubstr("v1,")));
  EXPECT_THAT(Call("DELETE", kPath + "/" + second["id"].get<std::string>(), 409).dump(),
              HasSubstr("never sends unsigned"));
  EXPECT_THAT(Call("PATCH", kPath + "/" + second["id"].get<std::string>(), 422, {{"expires_at", "2001-01-01"}}).dump(),
              HasSubstr("must lie in the future"));
  EXPECT_THAT(Call("GET", "/api/v1/events?kind=signing_secret", 200).dump(), Not(HasSubstr("whs")));
  EXPECT_THAT(Call("GET", "/connectors/hook/config", 200).dump(), Not(HasSubstr("signing_secrets")));
  EXPECT_THAT(headgate_->Stderr(), Not(HasSubstr("whsec_")));
}

TEST_F(Signing, S7_5APlaceholderThatCannotBeResolvedIsRefusedAndNothingChanges) {
  Create("hook", Shop::Hook(receiver_.url()), "STOPPED");
  EXPECT_THAT(Call("POST", kPath, 422, {{"secret", "${file:/etc/passwd:x}"}}).dump(), HasSubstr("signing_secrets"));
  EXPECT_EQ(Call("GET", kPath, 200)["items"].size(), 0U);
  Call("POST", "/api/v1/connectors/nobody/signing-secrets", 404, {{"generate", "hmac"}});
}

}  // namespace
}  // namespace headgate::test
