#include "core/codec/record.h"

#include "core/codec/json_text.h"

namespace headgate::codec {

Record& RecordList::Add() {
  if (size_ == records_.size()) records_.emplace_back();
  Record& r = records_[size_++];
  r.topic.clear();
  r.key.clear();
  r.value.clear();
  r.headers.clear();
  r.has_key = r.has_value = false;
  r.key_schema = r.value_schema = nullptr;
  r.id_suffix = {};
  return r;
}

std::string TopicName(std::string_view name) {
  std::string out;
  ForEachUtf16(name, [&](char16_t c) {
    const bool plain =
        (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    out.push_back(plain ? static_cast<char>(c) : '_');
  });
  return out;
}

}  // namespace headgate::codec
