#include "core/codec/schema_store.h"

namespace headgate::codec {

std::string_view Name(SchemaLanguage language) {
  switch (language) {
    case SchemaLanguage::kAvro:
      return "AVRO";
    case SchemaLanguage::kProtobuf:
      return "PROTOBUF";
    case SchemaLanguage::kJson:
      break;
  }
  return "JSON";
}

bool ParseSubjectStrategy(std::string_view name, SubjectStrategy& strategy) {
  if (name == "topic") {
    strategy = SubjectStrategy::kTopic;
  } else if (name == "record") {
    strategy = SubjectStrategy::kRecord;
  } else if (name == "topic-record") {
    strategy = SubjectStrategy::kTopicRecord;
  } else {
    return false;
  }
  return true;
}

std::string SubjectOf(SubjectStrategy strategy, std::string_view topic, bool of_key, std::string_view record) {
  switch (strategy) {
    case SubjectStrategy::kTopic:
      return std::string(topic) + (of_key ? "-key" : "-value");
    case SubjectStrategy::kRecord:
      break;
    case SubjectStrategy::kTopicRecord:
      return std::string(topic) + "-" + std::string(record);
  }
  return std::string(record);
}

}  // namespace headgate::codec
