#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace headgate::test {

// The document of the admin API as a judge of its answers (AP28): what the document does not have is a mistake of one
// of the two.
class ApiContract {
 public:
  explicit ApiContract(std::string_view openapi);

  // "" if the document has the answer; else what is wrong with it. `target`: path and query as they were sent.
  std::string Problem(const std::string& method, const std::string& target, int status, std::string_view content_type,
                      std::string_view body) const;
  // "" if the document has all parameters of the target's query; else the name of one that it does not.
  std::string UnknownParameter(const std::string& method, const std::string& target) const;

 private:
  using json = nlohmann::json;
  const json* OperationOf(const std::string& method, std::string_view path) const;
  const json& Resolve(const json& node) const;
  std::string Mismatch(const json& schema, const json& value, const std::string& at) const;
  std::string ObjectMismatch(const json& schema, const json& value, const std::string& at) const;

  json document_;
};

}  // namespace headgate::test
