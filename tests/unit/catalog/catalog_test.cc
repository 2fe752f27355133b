#include "core/catalog/catalog.h"

#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

class Catalogue : public test::LogTest {
 protected:
  Catalogue() { Load(); }

  void Load() {
    auto catalog = Catalog::Open(*store_);
    ASSERT_TRUE(catalog.ok());
    catalog_ = std::move(*catalog);
  }
  void Put(ConnectorRecord record) {
    StoreBatch batch;
    ASSERT_TRUE(catalog_->Put(std::move(record), batch).ok());
  }

  std::unique_ptr<Catalog> catalog_;
};

ConnectorRecord Record(std::string name) {
  ConnectorRecord record;
  record.name = std::move(name);
  record.class_name = "CorkedSink";
  record.kind = config::ComponentKind::kSink;
  record.config = {{"url", "http://127.0.0.1:1"}, {"empty", ""}, {"bytes", "\xff"}};
  record.target = TargetState::kPaused;
  record.from_file = true;
  record.version = 7;
  record.created_us = 1;
  record.changed_us = 2;
  record.health.thresholds = Thresholds{.error_rate = 0.25,
                                        .errors_min = 2,
                                        .error_window_seconds = 60,
                                        .lag_seconds = 1.5,
                                        .lag_bytes = 7,
                                        .no_progress_seconds = 3,
                                        .failures_max = 4,
                                        .wal_retained_bytes = 5,
                                        .dead_letters = 6,
                                        .mute_until_us = 8};
  record.health.dismissals["delivering"] = {"rogue", 3, 9, "known", "api 127.0.0.1", 5};
  record.health.version = 3;
  return record;
}

TEST_F(Catalogue, ARecordSurvivesAReopenWithAllItsParts_KC11) {
  Put(Record("hook"));
  ConnectorRecord plain;
  plain.name = "shop";
  Put(plain);
  for (int round = 0; round < 2; ++round) {
    ASSERT_EQ(catalog_->records()->size(), 2U);
    const auto back = catalog_->Find("hook");
    ASSERT_NE(back, nullptr);
    const ConnectorRecord expected = Record("hook");
    EXPECT_EQ(back->name, expected.name);
    EXPECT_EQ(back->class_name, expected.class_name);
    EXPECT_EQ(back->kind, expected.kind);
    EXPECT_EQ(back->config, expected.config);
    EXPECT_EQ(back->target, expected.target);
    EXPECT_EQ(back->from_file, expected.from_file);
    EXPECT_EQ(back->version, expected.version);
    EXPECT_EQ(back->created_us, expected.created_us);
    EXPECT_EQ(back->changed_us, expected.changed_us);
    EXPECT_EQ(back->health, expected.health);
    EXPECT_EQ(catalog_->Find("shop")->health, HealthSettings());
    EXPECT_EQ(catalog_->Find("shop")->kind, config::ComponentKind::kSource);
    EXPECT_EQ(catalog_->Find("hoo"), nullptr);
    Reopen();
    Load();
  }
}

TEST_F(Catalogue, WhatSomeoneHoldsDoesNotChangeUnderThem) {
  Put(Record("hook"));
  const auto before = catalog_->records();
  const auto record = catalog_->Find("hook");
  ConnectorRecord changed = Record("hook");
  changed.version = 8;
  Put(changed);
  EXPECT_EQ(record->version, 7U);
  EXPECT_EQ(before->at("hook")->version, 7U);
  EXPECT_EQ(catalog_->Find("hook")->version, 8U);
}

TEST_F(Catalogue, RemoveTakesOneAndStaysAfterAReopen) {
  Put(Record("hook"));
  Put(Record("hook2"));
  StoreBatch batch;
  ASSERT_TRUE(catalog_->Remove("hook", batch).ok());
  Reopen();
  Load();
  EXPECT_EQ(catalog_->Find("hook"), nullptr);
  EXPECT_NE(catalog_->Find("hook2"), nullptr);
}

TEST_F(Catalogue, TheChangeAndWhatTellsOfItAreOneWrite) {
  StoreBatch batch;
  batch.Put(Family::kEvents, "told", "yes");
  ASSERT_TRUE(catalog_->Put(Record("hook"), batch).ok());
  Reopen();
  Load();
  EXPECT_NE(catalog_->Find("hook"), nullptr);
  EXPECT_EQ(store_->Get(Family::kEvents, "told")->value_or(""), "yes");
}

TEST_F(Catalogue, ARecordThatCannotBeReadIsCorrupt) {
  StoreBatch batch;
  batch.Put(Family::kCatalog, "hook", "\xff\xff");
  ASSERT_TRUE(store_->Write(batch, true).ok());
  const auto catalog = Catalog::Open(*store_);
  ASSERT_FALSE(catalog.ok());
  EXPECT_EQ(catalog.error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(catalog.error().what, "a connector record of the data directory " + path() + " cannot be read");
}

}  // namespace
}  // namespace headgate
