#include "core/codec/record.h"

namespace headgate::codec {

Record& RecordList::Add() {
  if (size_ == records_.size()) records_.emplace_back();
  Record& r = records_[size_++];
  r.topic.clear();
  r.key.clear();
  r.value.clear();
  r.headers.clear();
  r.has_key = r.has_value = false;
  r.id_suffix = {};
  return r;
}

}  // namespace headgate::codec
