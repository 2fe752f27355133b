#pragma once

#include <gtest/gtest.h>

#include <deque>

#include "core/base/encoding.h"
#include "sinks/webhook/delivery.h"
#include "tests/unit/webhook/settings.h"

namespace headgate::webhook {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// Requests under way; the test answers them.
class FakeTransport final : public Transport {
 public:
  struct Sent {
    std::string request;
    Job* job;
    std::string Id() const {
      const std::size_t at = request.find("webhook-id: ") + 12;
      return request.substr(at, request.find("\r\n", at) - at);
    }
    std::string Body() const { return request.substr(request.find("\r\n\r\n") + 4); }
  };
  bool CanSend() const override { return true; }
  void Send(std::string request, Job& job) override {
    under_way.push_back({std::move(request), &job});
    ++sent;
  }
  std::deque<Sent> under_way;
  int sent = 0;
};

class WebhookDelivery : public testing::Test {
 protected:
  void Use(config::FlatConfig settings) {
    settings_ = ReadSettings(std::move(settings));
    ASSERT_TRUE(settings_.errors.empty()) << settings_.errors.front().text;
    auto writer = RequestWriter::Create(settings_.options);
    ASSERT_TRUE(writer.ok());
    writer_.emplace(std::move(*writer));
    delivery_ = std::make_unique<Delivery>(settings_.options, context_, *writer_, transport_, 1);
  }
  At Write(const Event& event) {
    const Status status = delivery_->Write(event);
    EXPECT_TRUE(status.ok()) << status.error().what;
    return event.at;
  }
  // Answers the oldest request under way.
  void Answer(int status, std::optional<seconds> retry_after = {}, std::string_view body = "") {
    ASSERT_FALSE(transport_.under_way.empty()) << "nothing was sent";
    const FakeTransport::Sent sent = std::move(transport_.under_way.front());
    transport_.under_way.pop_front();
    delivery_->Answered(*sent.job, {status, retry_after, "X-Answer: yes\r\n", body});
    delivery_->Dispatch();
  }
  void Break(Trouble trouble = Trouble::kConnect) {
    ASSERT_FALSE(transport_.under_way.empty()) << "nothing was sent";
    const FakeTransport::Sent sent = std::move(transport_.under_way.front());
    transport_.under_way.pop_front();
    delivery_->Unanswered(*sent.job, trouble, "connect to 127.0.0.1:9000: refused");
    delivery_->Dispatch();
  }
  void Pass(std::chrono::microseconds time) {
    clock_.Pass(time);
    delivery_->Dispatch();
  }
  // Lets time pass, answering every request with `status`, until the event is stored or the time is over.
  void FailUntilStored(At at, int status, std::chrono::microseconds at_most) {
    for (std::chrono::microseconds passed{0}; passed < at_most; passed += milliseconds(500)) {
      while (!transport_.under_way.empty()) Answer(status);
      if (std::count(context_.stored.begin(), context_.stored.end(), at) > 0) return;
      Pass(milliseconds(500));
    }
  }
  // As the deliver loop does when a person retries letters: those that the sink does not have are handed in.
  void AskFor(std::vector<std::uint64_t> ids) {
    for (const std::uint64_t id : ids) {
      DeadLetter& letter = context_.letters.at(id);
      letter.state = DeadLetter::State::kRetrying;
      EXPECT_TRUE(delivery_->Retry(letter).ok());
    }
    delivery_->Hurry(ids);
    delivery_->Dispatch();
  }
  std::size_t UnderWay() const { return transport_.under_way.size(); }
  bool IsDone(At at) const { return context_.done.contains(at); }
  const DeadLetter& Letter(std::uint64_t id) { return context_.letters.at(id); }
  // Ids of the requests under way, in the order they were sent.
  std::vector<std::string> Ids() const {
    std::vector<std::string> ids;
    for (const auto& sent : transport_.under_way) ids.push_back(sent.Id());
    return ids;
  }
  static std::string IdOf(Seq seq) { return "shop:0-" + Hex16(0x16e9f00 + seq) + ":1"; }

  FakeClock clock_;
  FakeContext context_{clock_};
  FakeTransport transport_;
  SampleEvents events_;
  ReadOptions settings_;
  std::optional<RequestWriter> writer_;
  std::unique_ptr<Delivery> delivery_;
};

}  // namespace headgate::webhook
