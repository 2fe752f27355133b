// CloudEvents over HTTP (the webhook page of the reference, 3).

#include <nlohmann/json.hpp>

#include "tests/unit/webhook/delivery_rig.h"

namespace headgate::webhook {
namespace {

class WebhookCloudEvents : public WebhookDelivery {
 protected:
  nlohmann::json Sent() const {
    const std::string body = transport_.under_way.back().Body();
    return nlohmann::json::parse(body, nullptr, false);
  }
  std::string Header(const std::string& name) const {
    const std::string& request = transport_.under_way.back().request;
    const std::size_t at = request.find("\r\n" + name + ": ");
    if (at == std::string::npos || at > request.find("\r\n\r\n")) return "(none)";
    const std::size_t start = at + name.size() + 4;
    return request.substr(start, request.find("\r\n", start) - start);
  }
};

TEST_F(WebhookCloudEvents, S3_1TheStructuredFormHasAllAttributesInTheBody) {
  Use({{"envelope", "cloudevents"}, {"type_prefix", "com.example"}, {"schema_base_url", "https://example.com/s"}});
  Write(events_.Insert(42));
  const nlohmann::json event = Sent();
  EXPECT_EQ(Header("Content-Type"), "application/cloudevents+json; charset=utf-8");
  EXPECT_EQ(event["specversion"], "1.0");
  EXPECT_EQ(event["id"], Header("webhook-id")) << "W1";
  EXPECT_EQ(event["source"], "/headgate/shop");
  EXPECT_EQ(event["type"], "com.example.orders.created");
  EXPECT_EQ(event["time"], "2026-03-04T05:06:07.130211Z");
  EXPECT_EQ(event["recordedtime"], "2026-03-04T05:06:07.130211Z");
  EXPECT_EQ(event["subject"], "public.orders");
  EXPECT_EQ(event["datacontenttype"], "application/json");
  EXPECT_EQ(event["dataschema"], "https://example.com/s/shop.public.orders/1");
  EXPECT_EQ(event["partitionkey"], "42");
  EXPECT_EQ(event["sequence"], "00000000000000000001-0000000001");
  EXPECT_EQ(event["op"], "insert");
  EXPECT_EQ(event["sourceposition"], "0/16E9F01");
  EXPECT_EQ(event["data"]["after"]["status"], "open");
  for (const auto& [name, value] : event.items()) {
    if (name == "data") continue;
    EXPECT_TRUE(value.is_string()) << name << ": positions are larger than a CloudEvents Integer";
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789"), std::string::npos) << name;
  }
}

TEST_F(WebhookCloudEvents, S3_2TheBinaryFormHasThemInHeadersAlsoWhenALetterIsTriedAgain) {
  Use({{"envelope", "cloudevents-binary"}, {"non_retryable", "400"}, {"ce_source", "/the/shop"}});
  const At at = Write(events_.Update(7, "Ä"));
  EXPECT_EQ(Header("Content-Type"), "application/json");
  EXPECT_EQ(Header("ce-specversion"), "1.0");
  EXPECT_EQ(Header("ce-id"), Header("webhook-id"));
  EXPECT_EQ(Header("ce-source"), "/the/shop");
  EXPECT_EQ(Header("ce-type"), "orders.updated");
  EXPECT_EQ(Header("ce-partitionkey"), "7");
  EXPECT_EQ(Header("ce-datacontenttype"), "(none)");
  EXPECT_EQ(Sent()["after"]["status"], "Ä") << "the data is the body";
  const std::string first = transport_.under_way.back().request;
  Answer(400);
  ASSERT_EQ(context_.stored, std::vector<At>{at});
  EXPECT_NE(Letter(1).request.find("ce-type: orders.updated"), std::string::npos);
  AskFor({1});
  ASSERT_EQ(UnderWay(), 1U);
  EXPECT_EQ(transport_.under_way.back().request, first) << "the same bytes in the same second";
}

TEST_F(WebhookCloudEvents, S3_2ABatchIsAnArrayOfWholeEvents) {
  Use({{"envelope", "cloudevents-batch"}, {"batch_events_max", "2"}});
  Write(events_.Insert(1));
  Write(events_.Insert(2));
  delivery_->Dispatch();
  ASSERT_EQ(UnderWay(), 1U);
  EXPECT_EQ(Header("Content-Type"), "application/cloudevents-batch+json");
  ASSERT_EQ(Sent().size(), 2U);
  EXPECT_EQ(Sent()[0]["specversion"], "1.0");
  EXPECT_EQ(Sent()[1]["partitionkey"], "2");
}

TEST_F(WebhookCloudEvents, S3_2HeaderValuesArePercentEncodedUtf8) {
  std::string out;
  AppendHeaderValue(out, "Euro € 😀");
  EXPECT_EQ(out, "Euro%20%E2%82%AC%20%F0%9F%98%80");
  out.clear();
  AppendHeaderValue(out, "a\"b%c\r\nd~!");
  EXPECT_EQ(out, "a%22b%25c%0D%0Ad~!");
}

TEST_F(WebhookCloudEvents, S3_4RetryAfterOf429IsHonouredInFull) {
  for (const bool cloud_events : {true, false}) {
    Use({{"envelope", cloud_events ? "cloudevents" : "plain"},
         {"retry_after_cap_ms", "1000"},
         {"memory_retry_ms", "86400000"}});
    Write(events_.Insert(1));
    Answer(429, seconds(3600));
    Pass(seconds(1800));
    EXPECT_EQ(UnderWay(), cloud_events ? 0U : 1U);
    if (cloud_events) {
      Pass(seconds(1801));
      EXPECT_EQ(UnderWay(), 1U);
    }
    transport_.under_way.clear();
  }
}

TEST_F(WebhookCloudEvents, UnsignedAttributesAndPlainHttpAreTold) {
  Use({{"envelope", "cloudevents-binary"},
       {"url", "http://127.0.0.1:1/"},
       {"signing_secrets", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}});
  std::vector<std::string> ids;
  for (const Finding& finding : delivery_->Telemetry().findings) ids.push_back(finding.id);
  EXPECT_EQ(ids, (std::vector<std::string>{"signing", "plain_http"}));
}

}  // namespace
}  // namespace headgate::webhook
