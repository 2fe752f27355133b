#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "connectors/http/event_reader.h"
#include "core/codec/native.h"

namespace headgate::test {

inline std::unique_ptr<IntakeRequest> MakeRequest(const std::string& body, bool lines = false) {
  auto request = std::make_unique<IntakeRequest>();
  request->body = body;
  request->lines = lines;
  return request;
}

// Reads bodies by a column list.
class Reading {
 public:
  explicit Reading(const std::string& columns)
      : layout(*sql::ParseColumns(columns), 1, 1), schema_(sql::MakeSchema(layout.columns, "readings")) {}

  IntakeRequest::Prepared Read(IntakeRequest& request) {
    http::EventReader(layout).Prepare(request);
    return *std::move(request.prepared);
  }
  IntakeRequest::Prepared Read(const std::string& body, bool lines = false) { return Read(*MakeRequest(body, lines)); }

  // The rows of a transaction as `native` shows them; "422 /0/a: detail" where there are faults, "400 text".
  std::string Show(const IntakeRequest::Prepared& prepared) {
    if (!prepared.transaction) return ShowRefusal(prepared.refusal);
    std::string out;
    codec::NativeEncoder encoder;
    for (const auto& block : prepared.transaction->blocks()) {
      Change change;
      for (ChangeReader reader(block.bytes, block.first_ordinal); reader.Next(change);) {
        TransactionInfo info;
        info.position = {PositionKind::kIngest, 1, 0, 0, {}};
        codec::EventContext event;
        event.tx = &info;
        event.change = &change;
        event.schema = &schema_;
        event.schema_version = 1;
        std::string text;
        EXPECT_TRUE(encoder.Append(text, event).ok());
        const auto start = text.find("\"after\":");
        if (start == std::string::npos) return "no row in " + text;
        out += (out.empty() ? "" : " ") + text.substr(start + 8, text.find(",\"position\"") - start - 8);
      }
    }
    return out;
  }
  std::string Show(const std::string& body, bool lines = false) { return Show(Read(body, lines)); }

  http::EventLayout layout;

 private:
  static std::string ShowRefusal(const IntakeAnswer& answer) {
    using Kind = IntakeAnswer::Kind;
    if (answer.kind == Kind::kMalformed) return "400 " + answer.text;
    if (answer.kind == Kind::kTooLarge) return "413 " + answer.text;
    std::string out = "422";
    if (answer.faults.empty()) out += " " + answer.text;
    for (const EventFault& fault : answer.faults) out += " " + fault.pointer + ": " + fault.detail;
    return out;
  }
  TableSchema schema_;
};

}  // namespace headgate::test
