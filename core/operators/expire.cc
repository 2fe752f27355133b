#include "core/operators/expire.h"

#include <algorithm>
#include <numeric>

#include "core/base/bytes.h"
#include "core/operators/timeline.h"
#include "core/sql/row_codec.h"
#include "core/sql/time_value.h"

namespace headgate::operators {
namespace {

// Of one step. What is left goes in the next one, which comes at once.
constexpr std::size_t kExpiredRowsMax = 25 * kPieceRows;

class Expire : public Operator {
 public:
  Expire(const sql::Plan& plan, const StatePlace& place)
      : moment_(Clone(*plan.expressions[0])),
        lifetime_us_(plan.offset),
        types_(TypesOf(plan.columns)),
        rows_(place.Part(0), [this](std::string_view row, std::string_view weight) {
          ByteReader in(weight);
          in.Signed();
          return !in.failed() && in.done() && IsRow(types_, row);
        }) {}

  // Rows that were gone before the step are none of its business, whether they come or go. The others go on, and
  // Finish takes back those whose time it is: how the log is cut does not show.
  void Process(std::size_t, const Delta& delta, StepContext& step, const Emit& emit) override {
    const sql::Column moments = sql::Evaluate(*moment_, delta.batch, sql::Rows(delta.rows()), step.eval);
    std::vector<std::uint32_t> good;
    if (!TakeErrors(step, delta, good)) {
      good.resize(delta.rows());
      std::iota(good.begin(), good.end(), 0U);
    }
    std::vector<std::uint32_t> there;
    std::vector<std::string> keys;
    std::vector<std::int64_t> weights;
    for (const std::uint32_t row : good) {
      if (moments->IsNull(row)) continue;
      const std::int64_t moment = moments->At(row).i;
      const std::int64_t until = Until(moment);
      if (until <= step.times->from_us) continue;
      there.push_back(row);
      if (until <= step.times->At(delta.at[row].seq)) step.expired -= delta.weights[row];  // came, or goes, too late
      if (moment == kInfinity) continue;
      keys.push_back(Timeline::KeyOf(until, sql::EncodeRow(types_, delta.batch, row)));
      weights.push_back(delta.weights[row]);
    }
    rows_.Load(keys);
    for (std::size_t i = 0; i < keys.size(); ++i) Add(keys[i], weights[i]);
    if (there.size() == delta.rows()) {
      emit(delta);
    } else if (!there.empty()) {
      emit(Gather(delta, there));
    }
  }

  void Finish(StepContext& step, const Emit& emit) override {
    for (std::size_t expired = 0; expired < kExpiredRowsMax;) {
      const auto entries = rows_.Take(step.times->Now(), kPieceRows);
      if (entries.empty()) return;
      DeltaBuilder builder(types_);
      for (const Timeline::Entry& entry : entries) {
        const std::int64_t weight = WeightOf(entry.value);
        builder.Add(entry.name(), -weight, {step.times->Reached(entry.us()), 0});
        step.expired += weight;
      }
      expired += entries.size();
      emit(builder.Take());
    }
  }

  std::optional<std::int64_t> Due() override { return rows_.First(); }

 private:
  std::int64_t Until(std::int64_t moment) const {
    if (sql::IsInfinite(moment)) return moment;
    const sql::Int128 until = static_cast<sql::Int128>(moment) + lifetime_us_;
    return static_cast<std::int64_t>(std::clamp<sql::Int128>(until, kMinusInfinity + 1, kInfinity - 1));
  }
  static std::int64_t WeightOf(std::string_view value) { return ByteReader(value).Signed(); }

  void Add(const std::string& key, std::int64_t weight) {
    const std::string* there = rows_.Find(key);
    const std::int64_t sum = weight + (there == nullptr ? 0 : WeightOf(*there));
    if (sum == 0) return rows_.Erase(key);
    std::string value;
    PutSigned(value, sum);
    rows_.Put(key, std::move(value));
  }

  sql::ExprPtr moment_;
  std::int64_t lifetime_us_;
  std::vector<sql::Type> types_;
  Timeline rows_;  // until when, and the row -> how often
};

}  // namespace

OperatorPtr MakeExpire(const sql::Plan& plan, const StatePlace& place) { return std::make_unique<Expire>(plan, place); }

}  // namespace headgate::operators
