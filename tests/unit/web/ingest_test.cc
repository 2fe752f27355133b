// POST /api/v1/streams/{s}/events over a stand-in for the source.
#include <thread>

#include "core/pipeline/intake.h"
#include "tests/unit/web/web_fixture.h"

namespace headgate::test {
namespace {

using Kind = IntakeAnswer::Kind;

constexpr const char* kPath = "/api/v1/streams/readings/events";

class EventsApi : public WebTest {
 protected:
  EventsApi() {
    control.intakes["readings"] = intake_;
    control.intakes["stopped"] = nullptr;
    intake_->Open([this](IntakeRequest& request) {
      ++prepared_;
      request.prepared.emplace();
    });
  }
  ~EventsApi() override {
    server.reset();
    source_ = std::jthread();
  }

  // A source that answers all requests so.
  void AnswerWith(IntakeAnswer answer) {
    source_ = std::jthread([this, answer](std::stop_token stop) {
      while (auto request = intake_->Take(stop, std::chrono::steady_clock::time_point::max())) {
        last_body_ = request->body;
        last_key_ = request->key;
        last_lines_ = request->lines;
        request->done(answer);
      }
    });
  }
  RawAnswer Post(const std::string& body, std::map<std::string, std::string> headers = {},
                 const std::string& path = kPath) {
    return Do({.method = "POST", .path = path, .body = body, .headers = std::move(headers)});
  }
  static std::string Header(const RawAnswer& answer, const std::string& name) {
    const auto found = answer.headers.find(name);
    return found == answer.headers.end() ? "" : found->second;
  }

  std::shared_ptr<Intake> intake_ = std::make_shared<Intake>(4, 1 << 20);
  std::atomic<int> prepared_ = 0;
  std::string last_body_;
  std::string last_key_;
  bool last_lines_ = false;
  std::jthread source_;
};

TEST_F(EventsApi, AnswersWhatTheSourceSays) {
  AnswerWith({.kind = Kind::kAppended, .seq = 17, .events = 2, .text = {}, .faults = {}});
  const RawAnswer answer = Post("[{},{}]", {{"Idempotency-Key", "k1"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"seq":"17","events":2})");
  EXPECT_EQ(Header(answer, "headgate-seq"), "17");
  EXPECT_EQ(last_body_, "[{},{}]");
  EXPECT_EQ(last_key_, "k1");
  EXPECT_FALSE(last_lines_);
  EXPECT_EQ(prepared_, 0) << "a small body is read by the source";
  EXPECT_EQ(Post("{}\n", {{"Content-Type", "application/x-ndjson; charset=utf-8"}}).status, 200);
  EXPECT_TRUE(last_lines_);
}

TEST_F(EventsApi, AReplayIsMarked) {
  AnswerWith({.kind = Kind::kRepeated, .seq = 17, .events = 2, .text = {}, .faults = {}});
  const RawAnswer answer = Post("{}", {{"Idempotency-Key", "k1"}});
  EXPECT_EQ(answer.body, R"({"seq":"17","events":2})");
  EXPECT_EQ(Header(answer, "idempotent-replay"), "true");
}

TEST_F(EventsApi, BadEventsAreListed) {
  AnswerWith({.kind = Kind::kRefused, .text = "Nothing was stored.", .faults = {{"/0/temperature", "expected real"}}});
  const RawAnswer answer = Post("{}");
  EXPECT_EQ(answer.status, 422);
  const Json json = Parse(answer);
  EXPECT_EQ(json["type"], "/problems/bad-events");
  EXPECT_EQ(json["detail"], "Nothing was stored.");
  EXPECT_EQ(json["errors"], Json::parse(R"([{"pointer":"/0/temperature","detail":"expected real"}])"));
  EXPECT_EQ(json["instance"], kPath);
  EXPECT_FALSE(json["request_id"].get<std::string>().empty());
}

TEST_F(EventsApi, EachKindOfAnswerHasItsStatus) {
  const std::pair<Kind, int> kinds[] = {
      {Kind::kMalformed, 400}, {Kind::kTooLarge, 413}, {Kind::kKeyReused, 422}, {Kind::kUnavailable, 503}};
  for (const auto& [kind, status] : kinds) {
    AnswerWith({.kind = kind, .text = "why", .faults = {}});
    const RawAnswer answer = Post("{}");
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(!Header(answer, "retry-after").empty(), status == 503);
  }
}

TEST_F(EventsApi, WhatCannotBeTakenIsSaidAtOnce) {
  EXPECT_EQ(Post("{}", {}, "/api/v1/streams/nothing/events").status, 404);
  const RawAnswer stopped = Post("{}", {}, "/api/v1/streams/stopped/events");
  EXPECT_EQ(stopped.status, 503);
  EXPECT_FALSE(Header(stopped, "retry-after").empty());
  EXPECT_EQ(Post("{}", {{"Content-Type", "text/csv"}}).status, 415);
  EXPECT_EQ(Post("{}", {{"Content-Encoding", "br"}}).status, 415);
  EXPECT_EQ(Post("{}", {{"Idempotency-Key", std::string(256, 'k')}}).status, 400);
  EXPECT_EQ(Get(kPath).status, 405);
  intake_->Close("over");
  EXPECT_EQ(Post("{}").status, 503);
}

TEST_F(EventsApi, AFullQueueIs503) {
  for (int i = 0; i < 4; ++i) {
    auto request = std::make_unique<IntakeRequest>();
    request->done = [](const IntakeAnswer&) {};
    ASSERT_EQ(intake_->Offer(std::move(request)), Intake::Offered::kTaken);
  }
  const RawAnswer answer = Post("{}");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(Header(answer, "retry-after"), "1");
}

TEST_F(EventsApi, LargeAndPackedBodiesAreReadOnALane) {
  AnswerWith({.kind = Kind::kAppended, .seq = 1, .events = 1, .text = {}, .faults = {}});
  EXPECT_EQ(Post("{\"a\":\"" + std::string(100'000, 'x') + "\"}").status, 200);
  EXPECT_EQ(prepared_, 1);
  EXPECT_EQ(Post("packed", {{"Content-Encoding", "gzip"}}).status, 200);
  EXPECT_EQ(prepared_, 2);
  EXPECT_EQ(Post(std::string(2 << 20, ' ')).status, 413) << "the limit of every body";
}

}  // namespace
}  // namespace headgate::test
