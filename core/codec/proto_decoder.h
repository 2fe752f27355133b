#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/codec/proto_schema.h"
#include "core/codec/record_decoder.h"
#include "core/codec/schema_store.h"

namespace headgate::codec {

// Reads records of Protobuf (proto_reader.h). A step of a path is the name of a field, or one that differs from it only
// in case and underscores; #type names a message, or, of a oneof, its field that is set. Empty bytes are a message
// whose fields have their defaults. A field that is there with another wire type is a record of another message:
// kRejected.
//
// With the registry's header, which says which message it is; a record of another one than `message` is rejected,
// unless that is "". The store must outlive the decoder.
Result<std::unique_ptr<RecordDecoder>> MakeProtobufDecoder(const std::vector<FieldPath>& paths,
                                                           std::string_view message, SchemaStore& store);
// Without header, all of one message. kConfig: the schema does not compile, it has no such message, or a path leads to
// no field of it.
Result<std::unique_ptr<RecordDecoder>> MakeProtobufDecoder(const std::vector<FieldPath>& paths,
                                                           std::string_view message, std::string_view schema,
                                                           const std::vector<ProtoFile>& imports = {});

}  // namespace headgate::codec
