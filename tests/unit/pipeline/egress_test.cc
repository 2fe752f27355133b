#include "core/pipeline/egress.h"

#include <gmock/gmock.h>

// Where clients that make their own connections may go (webhooks.md W10).
namespace headgate {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

net::IpAddress Address(std::string_view text) { return *net::IpAddress::Parse(text); }

// One look-up, counted.
struct Names {
  Result<std::vector<net::IpAddress>> answer = std::vector<net::IpAddress>();
  int asked = 0;
  net::Resolver resolver() {
    return [this](const std::string&) {
      ++asked;
      return answer;
    };
  }
};

net::GuardPolicy Guard(std::string_view allow, std::string_view deny, std::string_view ports = "") {
  return *net::GuardPolicy::Parse(allow, deny, ports);
}

TEST(Egress, W10_EveryAddressOfANameIsChecked) {
  Names names{.answer = std::vector{Address("10.0.0.1"), Address("10.0.0.2")}};
  const auto admitted = AdmittedAddresses(Guard("", ""), "db.example.com", 5432, names.resolver());
  ASSERT_TRUE(admitted.ok()) << admitted.error().what;
  EXPECT_EQ(*admitted, *names.answer);
  EXPECT_EQ(names.asked, 1);
  const auto refused = AdmittedAddresses(Guard("", "10.0.0.2"), "db.example.com", 5432, names.resolver());
  ASSERT_FALSE(refused.ok()) << "one refuses the name";
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(refused.error().what, AllOf(HasSubstr("10.0.0.2:5432"), HasSubstr("egress.deny has 10.0.0.2"),
                                          HasSubstr("an address of db.example.com")));
}

TEST(Egress, W10_ALiteralAddressIsNotLookedUp) {
  Names names;
  EXPECT_EQ(AdmittedAddresses(Guard("", ""), "10.0.0.1", 5432, names.resolver()).value(),
            std::vector{Address("10.0.0.1")});
  EXPECT_FALSE(AdmittedAddresses(Guard("", ""), "169.254.169.254", 5432, names.resolver()).ok());
  EXPECT_FALSE(AdmittedAddresses(Guard("", ""), "::ffff:169.254.169.254", 5432, names.resolver()).ok());
  EXPECT_FALSE(AdmittedAddresses(Guard("", "", "5432"), "10.0.0.1", 5432, names.resolver()).ok());
  EXPECT_EQ(names.asked, 0);
}

TEST(Egress, ASocketOfThisMachineIsAsLoopback) {
  Names names;
  EXPECT_THAT(AdmittedAddresses(Guard("", ""), "/run/postgresql", 5432, names.resolver()).value(), IsEmpty());
  for (const auto& guard : {Guard("", "127.0.0.0/8"), Guard("10.0.0.0/8", ""), Guard("", "", "5432")}) {
    const auto refused = AdmittedAddresses(guard, "/run/postgresql", 5432, names.resolver());
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(refused.error().what, HasSubstr("a socket of this machine"));
  }
  EXPECT_EQ(names.asked, 0);
}

TEST(Egress, ANameThatIsNotThereMayComeLater) {
  Names names;
  const auto nothing = AdmittedAddresses(Guard("", ""), "db.example.com", 5432, names.resolver());
  ASSERT_FALSE(nothing.ok());
  EXPECT_EQ(nothing.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(nothing.error().what, HasSubstr("db.example.com"));
  names.answer = Transient("the name db.example.com cannot be looked up");
  EXPECT_EQ(AdmittedAddresses(Guard("", ""), "db.example.com", 5432, names.resolver()).error().kind,
            ErrorKind::kTransient);
}

}  // namespace
}  // namespace headgate
