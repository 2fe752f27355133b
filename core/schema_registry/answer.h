#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/codec/schema_store.h"

// What a registry's answers mean. Pure; an answer may be anything.
namespace headgate::schema_registry {

// One version of a subject.
struct Version {
  std::uint32_t id = 0;  // 0: the answer does not tell
  int version = 0;
  codec::SchemaText schema;
};

struct Compatibility {
  bool compatible = false;
  std::string reason;  // what the registry says, if it says anything
};

// Whether the request succeeded. `what` goes into the error: "registering a schema under subject 'x-value'".
//
//   2xx                             ok
//   401, 403                        kConfig: the account
//   404 with 40403                  kRejected: no schema has that id
//   404 otherwise, 409, 422         kConfig, with what the registry said: unknown subject, incompatible, invalid
//   429, 5xx                        kTransient
//   anything else                   kConfig: what answers is no registry
Status Judge(int status, std::string_view body, const std::string& what);

// The parts of good answers. kConfig: it is not of that shape.
Result<std::uint32_t> ReadId(std::string_view body, const std::string& what);
Result<Version> ReadVersion(std::string_view body, const std::string& what);
Result<Compatibility> ReadCompatibility(std::string_view body, const std::string& what);

// The body of a request that carries a schema.
std::string SchemaBody(const codec::SchemaText& schema);

}  // namespace headgate::schema_registry
