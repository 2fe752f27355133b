#include "core/pipeline/batch_sink.h"

#include <limits>
#include <mutex>
#include <thread>

#include "core/base/signal.h"
#include "core/pipeline/deliver.h"
#include "tests/support/wait_for.h"
#include "tests/unit/pipeline/fakes.h"

// How changes become batches and commits, with a target that takes everything.
namespace headgate {
namespace {

class CountedBatch final : public SinkBatch {
 public:
  std::size_t size() const override { return size_; }
  std::size_t bytes() const override { return size_; }
  bool empty() const override { return size_ == 0; }
  void Add() { ++size_; }

 private:
  std::size_t size_ = 0;
};

void Pause(std::chrono::microseconds time) {
  Signal never;
  never.WaitUntil(std::chrono::steady_clock::now() + time, {});
}

// What the target was given, one after the other.
struct Target {
  struct Write {
    std::size_t size;
    std::optional<Seq> commit;
  };
  std::mutex mutex;
  std::vector<Write> writes;
  std::chrono::microseconds takes{0};
  std::chrono::microseconds gathering{0};  // so long does a change take to become part of a batch

  std::vector<Write> seen() {
    const std::scoped_lock lock(mutex);
    return writes;
  }
};

class TargetBatcher final : public Batcher {
 public:
  explicit TargetBatcher(Target& target) : target_(target) {}

  Result<TargetPlace> Open(SinkContext&, BatchSink& sink) override {
    sink_ = &sink;
    return TargetPlace{1, ""};
  }
  void Close() override {}
  std::unique_ptr<SinkBatch> NewBatch(const SinkBatch*) const override { return std::make_unique<CountedBatch>(); }
  Result<Took> Take(const Event& event) override {
    if (IsMarker(event.change->op)) return Took::kFiltered;
    if (target_.gathering.count() > 0) Pause(target_.gathering);
    static_cast<CountedBatch&>(sink_->filling()).Add();
    return Took::kIn;
  }
  std::vector<LetterLane> LanesOf(const Event&) const override { return {}; }
  Result<bool> WriteLetter(const DeadLetter&, const TargetPlace&) override { return true; }
  std::string place() const override { return "the target"; }
  void Describe(const SinkBatch&, TracedDelivery&) const override {}
  Status Write(const std::shared_ptr<const SinkBatch>& batch, const std::optional<TargetPlace>& commit,
               const Ask&) override {
    Pause(target_.takes);
    const std::scoped_lock lock(target_.mutex);
    target_.writes.push_back(
        {batch == nullptr ? 0 : batch->size(), commit ? std::optional(commit->seq) : std::nullopt});
    return Ok();
  }
  void Interrupt() override {}

 private:
  Target& target_;
  BatchSink* sink_ = nullptr;
};

class Batching : public test::LogTest {
 protected:
  ~Batching() override { thread_ = std::jthread(); }
  // Entry 1 is the schema; then `commits` of `rows` each.
  void Run(std::size_t size_max, std::size_t part_size, int commits, int rows) {
    BatchSinkOptions options;
    options.size_max = size_max;
    options.part_size = part_size;
    options.bytes_max = options.part_bytes = std::numeric_limits<std::size_t>::max() / 4;
    const StreamNo stream = Define(OpenWriter());
    for (int i = 1; i <= commits; ++i)
      Append(*writer_, test::Commit(10 * static_cast<std::uint64_t>(i), stream, 1, rows));
    auto filter = TopicFilter::Make({"shop.public.orders"}, "");
    ASSERT_TRUE(filter.ok());
    events_ = std::move(*Events::Open(*store_, clock_));
    SinkServices services;
    services.clock = &clock_;
    sink_ = std::make_unique<BatchSink>(std::make_unique<TargetBatcher>(target_), std::move(options), Ok(), services);
    deliver_ = std::make_unique<Deliver>(*store_, *log_, *events_, *sink_, "target", std::move(*filter), clock_);
    thread_ = std::jthread([this](std::stop_token stop) { ended_ = deliver_->Run(stop); });
    const auto end = static_cast<Seq>(commits) + 2;
    test::WaitFor([&] { return deliver_->cursor().seq >= end; }, std::chrono::seconds(30));
    ASSERT_EQ(deliver_->cursor().seq, end) << (ended_.ok() ? "" : ended_.error().what);
    thread_ = std::jthread();
  }

  Target target_;
  std::unique_ptr<Events> events_;
  std::unique_ptr<BatchSink> sink_;
  std::unique_ptr<Deliver> deliver_;
  Status ended_ = Ok();
  std::jthread thread_;
};

TEST_F(Batching, WhatIsWrittenSoonerThanTheNextOneIsGatheredIsToldInBetween) {
  target_.gathering = std::chrono::microseconds(500);
  Run(1, 1, 100, 1);
  EXPECT_GE(target_.seen().size(), 100U);
}

TEST_F(Batching, ABacklogGoesInPartsThatAreCommittedTogetherOnceNothingWasRefusedForLong) {
  target_.takes = std::chrono::milliseconds(3);
  Run(5'000, 1'000, 80, 1'000);
  std::size_t written = 0;
  std::size_t open = 0;
  std::size_t together = 0;
  for (const Target::Write& write : target_.seen()) {
    written += write.size;
    open += write.size;
    EXPECT_TRUE(write.commit.has_value() || written > 50'000) << written;
    if (!write.commit) continue;
    EXPECT_EQ(*write.commit, written / 1'000 + 2) << "whole transactions";
    EXPECT_LE(open, 6'000U);
    together = std::max(together, open);
    open = 0;
  }
  EXPECT_EQ(written, 80'000U);
  EXPECT_EQ(open, 0U) << "all of it is committed";
  EXPECT_GT(together, 1'000U);
}

}  // namespace
}  // namespace headgate
