#include "core/state/kept_answers.h"

#include <vector>

#include "core/base/bytes.h"

// Family::kMeta:
//   answer/<key>               i64 big-endian: when; the answer
//   answer_at/<when><key>      empty: the index by age
namespace headgate {
namespace {

constexpr std::int64_t kAnswerLifeUs = 24LL * 3600 * 1'000'000;
constexpr std::string_view kAnswer = "answer/";
constexpr std::string_view kAnswersByAge = "answer_at/";
constexpr std::string_view kAnswersByAgeEnd = "answer_at0";

std::string AnswerKey(std::string_view key) { return std::string(kAnswer).append(key); }

}  // namespace

Result<std::unique_ptr<KeptAnswers>> KeptAnswers::Open(const Store& store, const Clock& clock) {
  auto kept = std::unique_ptr<KeptAnswers>(new KeptAnswers(store, clock));
  HG_RETURN_IF_ERROR(
      store.Scan(Family::kMeta, kAnswersByAge, kAnswersByAgeEnd, [&](std::string_view, std::string_view) {
        ++kept->size_;
        return true;
      }));
  return kept;
}

Result<std::optional<std::string>> KeptAnswers::Find(std::string_view key) const {
  HG_ASSIGN_OR_RETURN(const auto value, store_.Get(Family::kMeta, AnswerKey(key)));
  if (!value || value->size() < 8) return std::optional<std::string>();
  const auto at_us = static_cast<std::int64_t>(LoadBigEndian<std::uint64_t>(value->data()));
  if (at_us + kAnswerLifeUs <= clock_.NowUs()) return std::optional<std::string>();
  return std::optional(value->substr(8));
}

void KeptAnswers::Put(StoreBatch& batch, std::string_view key, std::string_view answer) {
  std::string at;
  PutBigEndian(at, static_cast<std::uint64_t>(clock_.NowUs()));
  batch.Put(Family::kMeta, AnswerKey(key), at, answer);
  batch.Put(Family::kMeta, std::string(kAnswersByAge).append(at).append(key), "");
  ++size_;
}

Status KeptAnswers::Trim(StoreBatch& batch, std::size_t most) {
  const std::int64_t expired_us = clock_.NowUs() - kAnswerLifeUs;
  std::vector<std::string> old;  // what follows kAnswersByAge: when, key
  HG_RETURN_IF_ERROR(
      store_.Scan(Family::kMeta, kAnswersByAge, kAnswersByAgeEnd, [&](std::string_view name, std::string_view) {
        name.remove_prefix(kAnswersByAge.size());
        if (name.size() < 8) return true;
        const bool expired = static_cast<std::int64_t>(LoadBigEndian<std::uint64_t>(name.data())) <= expired_us;
        if (!expired && size_ - std::min<std::size_t>(size_, old.size()) <= most) return false;
        old.emplace_back(name);
        return true;
      }));
  for (const std::string& entry : old) {
    const std::string_view at = std::string_view(entry).substr(0, 8);
    const std::string_view key = std::string_view(entry).substr(8);
    batch.Delete(Family::kMeta, std::string(kAnswersByAge).append(entry));
    HG_ASSIGN_OR_RETURN(const auto value, store_.Get(Family::kMeta, AnswerKey(key)));
    if (value && std::string_view(*value).substr(0, 8) == at) batch.Delete(Family::kMeta, AnswerKey(key));
    size_ -= std::min<std::size_t>(size_, 1);
  }
  return Ok();
}

}  // namespace headgate
