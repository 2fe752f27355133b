// Writes that are too large for memory: sorted files that the database takes in at once.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "core/base/bytes.h"
#include "core/log/log_reader.h"
#include "core/log/store.h"
#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

using Content = std::map<std::string, std::string>;

std::unique_ptr<Store> OpenStore(const std::string& directory) {
  auto store = Store::Open(directory);
  CHECK(store.ok());
  return std::move(*store);
}

Content ContentOf(const Store& store, Family family) {
  Content content;
  CHECK(store
            .Scan(family, "", "",
                  [&](std::string_view key, std::string_view value) {
                    content.emplace(key, value);
                    return true;
                  })
            .ok());
  return content;
}

std::string KeyOf(unsigned number) {
  std::string key = "long key ";
  PutBigEndian(key, number);
  return key;
}

// The same by hand.
class Model {
 public:
  void Change(std::mt19937& random, StoreBatch& batch) {
    constexpr Family kChanged[] = {Family::kRows, Family::kState, Family::kMeta, Family::kLetters};
    const Family family = kChanged[random() % std::size(kChanged)];
    Content& content = content_[family];
    const std::string key = KeyOf(random() % 200);
    const unsigned kind = random() % 40;
    if (kind == 0 && (family == Family::kRows || family == Family::kState)) {
      batch.DeleteRange(family, "long", "lonh");  // as a form is dropped
      content.clear();
    } else if (kind == 0 && family == Family::kLetters) {
      const std::string end = KeyOf(random() % 200);
      if (end <= key) return;
      batch.DeleteRange(family, key, end);
      content.erase(content.lower_bound(key), content.lower_bound(end));
    } else if (kind < 10) {
      batch.Delete(family, key);
      content.erase(key);
    } else {
      const std::string value = std::to_string(random());
      batch.Put(family, key, value);
      content[key] = value;
    }
  }
  void ExpectIn(const Store& store) {
    for (auto& [family, content] : content_) {
      Content found = ContentOf(store, family);
      if (family == Family::kMeta) std::erase_if(found, [](const auto& one) { return !one.first.starts_with("long"); });
      EXPECT_EQ(found, content);
    }
  }

 private:
  std::map<Family, Content> content_;
};

TEST(StoreFiles, AWriteThatIsSpilledIsWhatItWouldBeInMemory) {
  const test::DataDir directory;
  auto store = OpenStore(directory.path());
  std::mt19937 random(3);
  Model model;
  for (int round = 0; round < 40; ++round) {
    StoreBatch batch;
    // Each change in a file of its own, some of them, all in memory.
    const std::size_t bytes_max[] = {1, 300, 3'000, ~std::size_t{0}};
    batch.SpillBeyond(bytes_max[random() % std::size(bytes_max)], *store);
    for (unsigned changes = random() % 100 + 1; changes > 0; --changes) model.Change(random, batch);
    ASSERT_TRUE(store->Write(batch, false).ok());
    model.ExpectIn(*store);
    if (round % 10 == 9) {
      store.reset();
      store = OpenStore(directory.path());
      model.ExpectIn(*store);
    }
  }
}

TEST(StoreFiles, OneThatIsNotWrittenLeavesNothing) {
  const test::DataDir directory;
  const auto store = OpenStore(directory.path());
  {
    StoreBatch batch;
    batch.SpillBeyond(1, *store);
    for (unsigned i = 0; i < 10; ++i) batch.Put(Family::kRows, KeyOf(i), "value");
    EXPECT_TRUE(batch.spilled());
    EXPECT_FALSE(std::filesystem::is_empty(directory.path() + "/scratch"));
  }
  EXPECT_TRUE(ContentOf(*store, Family::kRows).empty());
  EXPECT_TRUE(std::filesystem::is_empty(directory.path() + "/scratch"));
}

TEST(StoreFiles, WhatAProcessThatDiedHasLeftGoesAtTheNextStart) {
  const test::DataDir directory;
  OpenStore(directory.path()).reset();
  std::filesystem::create_directory(directory.path() + "/scratch");
  std::ofstream(directory.path() + "/scratch/1.sst") << "half a file";
  OpenStore(directory.path());
  EXPECT_FALSE(std::filesystem::exists(directory.path() + "/scratch"));
}

// A view from before does not see what is taken in.
TEST(StoreFiles, AViewOfTheStoreStaysAsItWas) {
  const test::DataDir directory;
  const auto store = OpenStore(directory.path());
  StoreBatch before;
  before.Put(Family::kRows, KeyOf(1), "before");
  ASSERT_TRUE(store->Write(before, false).ok());
  const StoreView view(*store);
  StoreBatch batch;
  batch.SpillBeyond(1, *store);
  batch.Put(Family::kRows, KeyOf(1), "after");
  batch.Put(Family::kRows, KeyOf(2), "after");
  ASSERT_TRUE(store->Write(batch, false).ok());
  EXPECT_EQ(**view.Get(Family::kRows, KeyOf(1)), "before");
  EXPECT_FALSE(view.Get(Family::kRows, KeyOf(2))->has_value());
  EXPECT_EQ(**store->Get(Family::kRows, KeyOf(1)), "after");
}

// With transactions of a source, whose place in the log and counters are part of it.
TEST(StoreFiles, AnAppendIsOneWriteWithWhatIsSpilled) {
  const test::DataDir directory;
  const test::ManualClock clock;
  auto store = OpenStore(directory.path());
  auto log = Log::Open(*store, clock);
  auto writer = (*log)->OpenWriter("shop", "", "postgresql");
  const StreamNo orders = (*writer)->OpenStream("public", "orders");
  const std::uint32_t version = (*writer)->DefineSchema(orders, test::TwoColumns("orders"), 1, 1);
  for (std::uint64_t position = 100; position < 400; position += 100) {
    StoreBatch also;
    also.SpillBeyond(1, *store);
    also.Put(Family::kRows, KeyOf(static_cast<unsigned>(position)), "row");
    ASSERT_TRUE((*writer)->Append(std::vector{test::Commit(position, orders, version)}, "resume", also).ok());
    EXPECT_EQ(**store->Get(Family::kRows, KeyOf(static_cast<unsigned>(position))), "row");
    EXPECT_EQ((*log)->stats(orders).records, position / 100);
  }
  EXPECT_EQ(test::ReadAll(**log).size(), 4U);  // with the schema
  writer = Stopped();
  log = Stopped();
  store.reset();
  store = OpenStore(directory.path());
  log = Log::Open(*store, clock);
  EXPECT_EQ(test::ReadAll(**log).size(), 4U);
  EXPECT_EQ((*log)->progress("shop")->last->a, 300U);
}

}  // namespace
}  // namespace headgate
