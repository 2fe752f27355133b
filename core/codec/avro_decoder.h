#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/codec/record_decoder.h"
#include "core/codec/schema_store.h"

namespace headgate::codec {

// Reads records of Avro (1.11, binary encoding), each with the schema that wrote it. Schema resolution is by column:
// what the writer's schema lacks is absent, what nobody asks for is skipped. `paths`: their of_key is not looked at.
//
// Nothing is believed: blocks of nothing, lengths beyond the end, more than 64 levels end in an error.

// With the registry's header; the store must outlive the decoder.
Result<std::unique_ptr<RecordDecoder>> MakeAvroDecoder(const std::vector<FieldPath>& paths, SchemaStore& store);
// Without header, all of one schema.
Result<std::unique_ptr<RecordDecoder>> MakeAvroDecoder(const std::vector<FieldPath>& paths, std::string_view schema);

}  // namespace headgate::codec
