#include "core/views/backlog.h"

#include "core/base/bytes.h"
#include "core/sql/row_codec.h"

namespace headgate::views {
namespace {

// The keys of a form's state go on with the number of a node of its plan (operators/graph.h), which is never one of
// these.
constexpr std::uint16_t kNoNode = 0xFFFF;
constexpr std::uint16_t kHeldNode = 0xFFFE;

std::string KeyOf(const std::string& prefix, Seq step, std::uint64_t piece) {
  std::string key = prefix;
  PutBigEndian(key, step);
  PutBigEndian(key, piece);
  return key;
}

std::string EndOf(const std::string& prefix, Seq step) {
  std::string end = prefix;
  if (step == Backlog::kAll) return end + std::string(17, '\xFF');
  PutBigEndian(end, step + 1);
  return end;
}

}  // namespace

Backlog::Backlog(std::uint32_t form, Kind kind) {
  PutBigEndian(prefix_, form);
  PutBigEndian(prefix_, kind == Kind::kHeld ? kHeldNode : kNoNode);
}

// A value is the input, the number of rows, then of each row its weight, its place and its bytes.
void Backlog::Add(Seq step, std::uint64_t piece, std::uint32_t input, const std::vector<sql::Type>& types,
                  const operators::Delta& delta, StoreBatch& batch) const {
  std::string value;
  PutVarint(value, input);
  PutVarint(value, delta.rows());
  for (std::size_t row = 0; row < delta.rows(); ++row) {
    PutSigned(value, delta.weights[row]);
    PutVarint(value, delta.at[row].seq);
    PutVarint(value, delta.at[row].ordinal);
    PutBytes(value, sql::EncodeRow(types, delta.batch, row));
  }
  batch.Put(Family::kState, KeyOf(prefix_, step, piece), value);
}

Result<Seq> Backlog::StepAt(const StoreView& view, std::size_t rows_max) const {
  Seq step = 0;
  std::uint64_t rows = 0;
  bool more = false;
  HG_RETURN_IF_ERROR(
      view.Scan(Family::kState, prefix_, EndOf(prefix_, kAll), [&](std::string_view key, std::string_view value) {
        const auto next = ByteReader(key.substr(prefix_.size())).BigEndian<Seq>();
        more = rows >= rows_max && next != step;
        if (more) return false;
        step = next;
        ByteReader in(value);
        in.Varint();
        rows += in.Varint();
        return true;
      }));
  return more ? step : kAll;
}

Result<Backlog::Changes> Backlog::Take(const StoreView& view, Seq step,
                                       const std::vector<std::vector<sql::Type>>& types_of_inputs,
                                       StoreBatch& batch) const {
  Changes changes;
  std::map<std::uint32_t, operators::DeltaBuilder> builders;
  bool good = true;
  HG_RETURN_IF_ERROR(
      view.Scan(Family::kState, prefix_, EndOf(prefix_, step), [&](std::string_view key, std::string_view value) {
        batch.Delete(Family::kState, key);
        ByteReader in(value);
        const auto input = static_cast<std::uint32_t>(in.Varint());
        const std::uint64_t rows = in.Varint();
        good = !in.failed() && input < types_of_inputs.size();
        if (!good) return false;
        const std::vector<sql::Type>& types = types_of_inputs[input];
        operators::DeltaBuilder& builder = builders.try_emplace(input, types).first->second;
        for (std::uint64_t n = 0; good && n < rows; ++n) {
          const std::int64_t weight = in.Signed();
          At at;
          at.seq = in.Varint();
          at.ordinal = static_cast<std::uint32_t>(in.Varint());
          const std::string_view row = in.Bytes();
          good = !in.failed();
          if (good) builder.Add(row, weight, at);
          if (builder.full()) changes[input].push_back(builder.Take());
        }
        return good;
      }));
  if (!good) return Corrupt("what a paused view has not been given makes no sense");
  for (auto& [input, builder] : builders) {
    if (builder.rows() > 0) changes[input].push_back(builder.Take());
  }
  return changes;
}

}  // namespace headgate::views
