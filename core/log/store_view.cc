#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/options.h>

#include <array>

#include "core/base/check.h"
#include "core/log/store.h"

namespace headgate {
namespace {

constexpr std::array kFamiliesOfViews = {Family::kMeta, Family::kBase, Family::kState, Family::kRows};
constexpr int kTries = 4;
constexpr std::string_view kBehindAll = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";

}  // namespace

// An iterator and its bound, which it looks at whenever it is placed anew.
struct StoreView::Pinned {
  std::string end;
  rocksdb::Slice bound;
  std::unique_ptr<rocksdb::Iterator> it;
  bool busy = false;

  void Place(std::string_view from, std::string_view to) {
    CHECK(!busy);
    end = to;
    bound = end;
    it->Seek(rocksdb::Slice(from));
  }
};

StoreView::StoreView(const Store& store, Hold hold) : store_(store) {
  if (hold == Hold::kLong || !Pin()) snapshot_ = store_.db()->GetSnapshot();
}

StoreView::~StoreView() {
  pinned_.clear();
  if (snapshot_ != nullptr) store_.db()->ReleaseSnapshot(snapshot_);
}

// Iterators see what is there when they are made. They show one moment if nothing was written meanwhile.
bool StoreView::Pin() {
  for (int i = 0; i < kTries; ++i) {
    const Moment before = MomentNow();
    pinned_.clear();
    for (const Family family : kFamiliesOfViews) {
      auto pinned = std::make_unique<Pinned>();
      rocksdb::ReadOptions options;
      options.iterate_upper_bound = &pinned->bound;
      pinned->it.reset(store_.db()->NewIterator(options, store_.handle(family)));
      pinned_.push_back(std::move(pinned));
    }
    if (before.files % 2 == 0 && MomentNow() == before) return true;
  }
  pinned_.clear();
  return false;
}

StoreView::Moment StoreView::MomentNow() const {
  return {store_.db()->GetLatestSequenceNumber(), store_.files_taken_in_.load()};
}

StoreView::Pinned& StoreView::PinnedOf(Family family) const {
  for (std::size_t i = 0; i < kFamiliesOfViews.size(); ++i) {
    if (kFamiliesOfViews[i] == family) return *pinned_[i];
  }
  CHECK(false);  // not a family of views
  return *pinned_[0];
}

Result<std::optional<std::string>> StoreView::Get(Family family, std::string_view key) const {
  if (snapshot_ != nullptr) return store_.Read(snapshot_, family, key);
  Pinned& pinned = PinnedOf(family);
  pinned.Place(key, std::string(key) + '\0');
  if (!pinned.it->status().ok()) return store_.ReadError(pinned.it->status());
  if (!pinned.it->Valid()) return std::optional<std::string>();
  return std::optional<std::string>(pinned.it->value().ToStringView());
}

Status StoreView::Scan(Family family, std::string_view from, std::string_view to,
                       const std::function<bool(std::string_view, std::string_view)>& visit) const {
  if (snapshot_ != nullptr) return store_.Walk(snapshot_, family, from, to, visit);
  Pinned& pinned = PinnedOf(family);
  rocksdb::Iterator& it = *pinned.it;
  pinned.Place(from, to.empty() ? kBehindAll : to);
  pinned.busy = true;
  while (it.Valid() && visit(it.key().ToStringView(), it.value().ToStringView())) it.Next();
  pinned.busy = false;
  return it.status().ok() ? Ok() : Status(store_.ReadError(it.status()));
}

}  // namespace headgate
