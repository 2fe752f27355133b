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

void RejectedRecords::Save(StoreBatch& batch, std::int64_t now_us) {
  for (std::size_t i = 0; i < noted_.size(); ++i) {
    DeadLetter letter = LetterOf(noted_[i], now_us);
    if (i < ids_.size()) {  // the write before this one failed
      letter.id = ids_[i];
      letters_->Update(batch, letter);
    } else {
      ids_.push_back(letters_->Add(batch, std::move(letter)));
    }
  }
}

ServiceEvent RejectedRecords::Event() const {
  const RejectedRecord& first = noted_.front();
  ServiceEvent event;
  event.kind = "records_rejected";
  event.summary = std::to_string(noted_.size()) + (noted_.size() == 1 ? " record is" : " records are") +
                  " no row of stream " + stream_ + " and became dead letters, the first at offset " +
                  std::to_string(first.offset) + " of " + first.partition + ": " + first.why;
  return event;
}

void RejectedRecords::Clear() {
  noted_.clear();
  ids_.clear();
}

}  // namespace headgate::kafka::source
