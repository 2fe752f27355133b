#include "connectors/kafka/rejected.h"

#include "core/base/encoding.h"
#include "core/codec/json_text.h"

namespace headgate::kafka::source {
namespace {

void AppendBytesMember(std::string& out, std::string_view name, const std::optional<std::string>& bytes) {
  out.append(",\"").append(name).append("\":");
  if (!bytes) {
    out += "null";
    return;
  }
  out.push_back('"');
  AppendBase64(out, *bytes);
  out.push_back('"');
}

// {"topic":"sensor","partition":3,"offset":17,"key":null,"value":"//8="}, the bytes in base64.
std::string RecordJson(const RejectedRecord& record) {
  const std::size_t slash = record.partition.rfind('/');
  std::string out = "{\"topic\":";
  codec::AppendJsonString(out, std::string_view(record.partition).substr(0, slash));
  out.append(",\"partition\":").append(record.partition, slash + 1, std::string::npos);
  out.append(",\"offset\":");
  codec::AppendInt(out, record.offset);
  AppendBytesMember(out, "key", record.key);
  AppendBytesMember(out, "value", record.value);
  out.push_back('}');
  return out;
}

}  // namespace

Result<std::unique_ptr<RejectedRecords>> RejectedRecords::Open(const Store& store, std::string source,
                                                               std::string stream) {
  HG_ASSIGN_OR_RETURN(auto letters, DeadLetters::Open(store, std::move(source)));
  return std::unique_ptr<RejectedRecords>(new RejectedRecords(std::move(letters), std::move(stream)));
}

DeadLetter RejectedRecords::LetterOf(const RejectedRecord& record, std::int64_t now_us) const {
  DeadLetter letter;
  letter.state = DeadLetter::State::kDead;
  letter.stream = stream_;
  letter.op = Name(record.value ? Op::kInsert : Op::kDelete);
  letter.record = letter.body = RecordJson(record);
  letter.content_type = "application/json";
  letter.source_position = record.partition + "@" + std::to_string(record.offset);
  letter.commit_us = record.commit_us;
  letter.attempts = 1;
  letter.first_failed_us = letter.last_failed_us = now_us;
  letter.error_class = "decode";
  letter.error_message = record.why;
  return letter;
}

std::shared_ptr<RejectedRecords::Noted> RejectedRecords::Take() {
  auto noted = std::make_shared<Noted>();
  noted->records.swap(noted_);
  return noted;
}

void RejectedRecords::Save(Noted& noted, StoreBatch& batch, std::int64_t now_us) {
  for (std::size_t i = 0; i < noted.records.size(); ++i) {
    DeadLetter letter = LetterOf(noted.records[i], now_us);
    if (i < noted.ids.size()) {  // the write before this one failed
      letter.id = noted.ids[i];
      letters_->Update(batch, letter);
    } else {
      noted.ids.push_back(letters_->Add(batch, std::move(letter)));
    }
  }
}

ServiceEvent RejectedRecords::EventOf(const Noted& noted) const {
  const std::size_t count = noted.records.size();
  const RejectedRecord& first = noted.records.front();
  ServiceEvent event;
  event.kind = "records_rejected";
  event.summary = std::to_string(count) + (count == 1 ? " record is" : " records are") + " no row of stream " +
                  stream_ + " and became dead letters, the first at offset " + std::to_string(first.offset) + " of " +
                  first.partition + ": " + first.why;
  return event;
}

}  // namespace headgate::kafka::source
