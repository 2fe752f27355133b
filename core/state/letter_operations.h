#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/log/store.h"

namespace headgate {

// A bulk operation on dead letters (admin API, AP17). It is durable when it is accepted, so that one that a crash cut
// short goes on, and its end is part of the write that has the last of its changes.
struct LetterOperation {
  std::string id;
  std::string owner;  // of the letters: a sink, or views::LetterOwner
  bool discard = false;
  std::uint64_t matched = 0;
  bool ended = false;
  std::uint64_t done = 0;  // of an ended one, as failed
  std::uint64_t failed = 0;
  std::vector<std::uint64_t> letters;  // of one that has not ended: their ids, which ascend
};

// In order of owner and id.
Status ReadLetterOperations(const Store& store, const std::function<void(LetterOperation&&)>& visit);
// In the place of one of the same owner and id.
void PutLetterOperation(StoreBatch& batch, const LetterOperation& operation);
void DeleteLetterOperation(StoreBatch& batch, std::string_view owner, std::string_view id);
void DeleteLetterOperations(StoreBatch& batch, std::string_view owner);

}  // namespace headgate
