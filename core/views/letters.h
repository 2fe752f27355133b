#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/log/log.h"
#include "core/state/dead_letters.h"

// Dead letters of views and of declared tables: samples of what they could not take, each with a copy of its record, so
// that somebody can look at it when the log has dropped it (stream-SQL reference, 4.9 and 8.4). They say what was; that
// the row is gone or was mended since does not take them away, a person does.
namespace headgate::views {

// Under which the letters of a view are kept. No connector has such a name.
std::string LetterOwner(std::string_view view);
// The view of such a name; nothing if it is another one.
std::optional<std::string> ViewOfLetters(std::string_view owner);

// What could not be taken.
struct Misfit {
  std::string name;  // of the view, of the declared table
  At at;             // of the change; none for a row that was there before
  std::string error_class;
  std::string message;
};

// Discards some of them.
struct DiscardLetters {
  std::string owner;
  std::vector<std::uint64_t> ids;
  std::function<void(bool done)> report;                                            // once for each id; may be empty
  std::function<void(StoreBatch&, const std::vector<bool>& unreported)> also = {};  // as of a LetterCommand
};

// Of the views' thread.
class Letters {
 public:
  Letters(Store& store, const Log& log) : store_(store), log_(log) {}

  // Of the step at hand; they are kept with its write. Of a step with very many the first say enough.
  void Note(Misfit misfit) {
    if (noted_.size() < kNotedMax) noted_.push_back(std::move(misfit));
  }
  void Save(StoreBatch& batch, std::int64_t now_us);
  // The step failed.
  void Forget();

  void Discard(const DiscardLetters& command);
  void Drop(std::string_view name, StoreBatch& batch);

 private:
  static constexpr std::size_t kNotedMax = 10'000;

  DeadLetters* Of(const std::string& name);
  void Copy(DeadLetter& letter) const;

  Store& store_;
  const Log& log_;
  std::vector<Misfit> noted_;
  std::map<std::string, std::unique_ptr<DeadLetters>, std::less<>> open_;  // by name
};

}  // namespace headgate::views
