#include "core/state/letter_operations.h"

#include "core/state/state.pb.h"

// Family::kMeta: letter_operation/<owner>, a zero byte (names hold no such), id.
namespace headgate {
namespace {

constexpr std::string_view kOperations = "letter_operation/";
constexpr std::string_view kOperationsEnd = "letter_operation0";

std::string OperationsOf(std::string_view owner, char behind) {
  std::string key(kOperations);
  key.append(owner).push_back(behind);
  return key;
}

}  // namespace

Status ReadLetterOperations(const Store& store, const std::function<void(LetterOperation&&)>& visit) {
  bool corrupt = false;
  HG_RETURN_IF_ERROR(
      store.Scan(Family::kMeta, kOperations, kOperationsEnd, [&](std::string_view, std::string_view value) {
        stored::StoredLetterOperation in;
        corrupt = !in.ParseFromArray(value.data(), static_cast<int>(value.size()));
        if (corrupt) return false;
        LetterOperation operation{in.id(),    in.owner(), in.discard(), in.matched(),
                                  in.ended(), in.done(),  in.failed(),  {}};
        std::uint64_t letter = 0;
        for (const std::uint64_t step : in.steps()) operation.letters.push_back(letter += step);
        visit(std::move(operation));
        return true;
      }));
  return corrupt ? Status(Corrupt("an operation on dead letters cannot be read")) : Ok();
}

void PutLetterOperation(StoreBatch& batch, const LetterOperation& operation) {
  stored::StoredLetterOperation out;
  out.set_id(operation.id);
  out.set_owner(operation.owner);
  out.set_discard(operation.discard);
  out.set_matched(operation.matched);
  out.set_ended(operation.ended);
  out.set_done(operation.done);
  out.set_failed(operation.failed);
  std::uint64_t last = 0;
  for (const std::uint64_t letter : operation.letters) {
    out.add_steps(letter - last);
    last = letter;
  }
  batch.Put(Family::kMeta, OperationsOf(operation.owner, '\0') + operation.id, out.SerializeAsString());
}

void DeleteLetterOperation(StoreBatch& batch, std::string_view owner, std::string_view id) {
  batch.Delete(Family::kMeta, OperationsOf(owner, '\0').append(id));
}

void DeleteLetterOperations(StoreBatch& batch, std::string_view owner) {
  batch.DeleteRange(Family::kMeta, OperationsOf(owner, '\0'), OperationsOf(owner, '\1'));
}

}  // namespace headgate
