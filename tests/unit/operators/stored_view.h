#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "tests/support/child_process.h"
#include "tests/unit/operators/sample_views.h"

namespace headgate::test {

// A view in a store, under a prefix of its own, and what may happen to it between and during steps.
class StoredView {
 public:
  StoredView(Store& store, const SampleRelations& relations, std::string query, std::string prefix)
      : store_(store), relations_(relations), query_(std::move(query)), prefix_(std::move(prefix)) {
    Build();
  }

  void Build() {
    const Seq seq = view_ == nullptr ? 0 : view_->seq();
    view_.reset();
    space_ = std::make_unique<operators::StateSpace>(store_, Family::kState);
    view_ = std::make_unique<SampleView>(relations_, query_, operators::StatePlace{space_.get(), prefix_});
    view_->GoOnFrom(seq);
  }
  Outputs Do(const Step& step) {
    Outputs outputs = view_->Do(step);
    EXPECT_FALSE(space_->failure()) << query_;
    return outputs;
  }
  // Whatever comes of it.
  void Try(const Step& step) { view_->Do(step); }
  void DoPart(const Step& step, std::size_t pieces) { view_->DoPart(step, pieces); }
  void Save() {
    StoreBatch batch;
    space_->Save(batch);
    EXPECT_TRUE(store_.Write(batch, false).ok());
  }
  void Forget(Seq seq) {
    space_->Forget();
    view_->GoOnFrom(seq);
  }
  Seq seq() const { return view_->seq(); }
  void Evict() {
    space_->Trim(0);
    space_->Trim(0);
    EXPECT_EQ(space_->bytes(), 0U) << query_;
  }
  bool failed() const { return space_->failure().has_value(); }

  // Of its state, without the prefix.
  std::map<std::string, std::string> Entries() const {
    std::map<std::string, std::string> entries;
    const Status scanned = store_.Scan(Family::kState, prefix_, "", [&](std::string_view key, std::string_view value) {
      if (!key.starts_with(prefix_)) return false;
      entries.emplace(key.substr(prefix_.size()), value);
      return true;
    });
    EXPECT_TRUE(scanned.ok());
    return entries;
  }
  void Overwrite(const std::string& key, const std::string& value) {
    StoreBatch batch;
    batch.Put(Family::kState, prefix_ + key, value);
    EXPECT_TRUE(store_.Write(batch, false).ok());
  }

 private:
  Store& store_;
  const SampleRelations& relations_;
  std::string query_;
  std::string prefix_;
  std::unique_ptr<operators::StateSpace> space_;
  std::unique_ptr<SampleView> view_;
};

// A store for views, each with its own place.
class StoredViewTest : public SampleTest {
 protected:
  void SetUp() override {
    auto store = Store::Open(dir_.path() + "/data");
    ASSERT_TRUE(store.ok()) << store.error().what;
    store_ = std::move(*store);
  }
  StoredView Make(const std::string& query) {
    return {*store_, relations_, query, "v" + std::to_string(views_++) + "/"};
  }

  TempDir dir_{"headgate-state"};
  std::unique_ptr<Store> store_;
  int views_ = 0;
};

}  // namespace headgate::test
