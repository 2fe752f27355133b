#pragma once

#include <memory>
#include <vector>

#include "connectors/kafka/options.h"
#include "core/codec/record_decoder.h"
#include "core/codec/schema_store.h"

namespace headgate::kafka::source {

// The decoder of keys or values of this format. Without a schema of the settings they come with the header of a
// registry, which is `store`: it must outlive the decoder. raw gives the bytes as they are.
Result<std::unique_ptr<codec::RecordDecoder>> MakeDecoder(const RecordFormat& format,
                                                          const std::vector<codec::FieldPath>& paths,
                                                          codec::SchemaStore* store);

}  // namespace headgate::kafka::source
